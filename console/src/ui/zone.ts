// The zone in which the user reads times: her own, else the company's, else the browser's.
import { useMe } from "../app/session";
import { knownZone } from "../format/time";
import { useI18n } from "../i18n";
import type { Writing } from "../resource/text";

export function useTimeZone(): string {
  const { user, tenant } = useMe();
  return knownZone(user.timeZone || tenant.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone);
}

export function useWriting(): Writing {
  const i18n = useI18n();
  const timeZone = useTimeZone();
  return { i18n, timeZone };
}
