// Asks before a page is left on which something was typed that was not sent.
import { useBlocker } from "@tanstack/react-router";
import type { RefObject } from "react";
import { useI18n } from "../i18n";
import { confirm } from "../ui/confirm";

/** `sent` is set as soon as leaving needs no question any longer; `forget` drops what was kept of the input. */
export function useLeaveGuard(dirty: boolean, sent: RefObject<boolean>, forget: () => void): void {
  const { t } = useI18n();
  useBlocker({
    shouldBlockFn: async () => {
      if (sent.current || !dirty) return false;
      const leave = await confirm({
        title: t("form.leave"),
        text: t("form.leaveHint"),
        yes: t("form.leaveYes"),
        no: t("form.leaveNo"),
      });
      if (leave) forget();
      sent.current = leave;
      return !leave;
    },
    enableBeforeUnload: () => dirty && !sent.current,
  });
}
