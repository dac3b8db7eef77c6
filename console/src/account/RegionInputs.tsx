// The language and the zone in which numbers and times are written.
import { Select } from "@mantine/core";
import { useI18n } from "../i18n";

/** Regions that the console's languages are spoken in, and their neighbours; another one that is set stays. */
const LOCALES =
  "en-GB en-US en-IE en-CA en-AU de-DE de-AT de-CH fr-FR fr-BE fr-CH it-IT it-CH es-ES pt-PT nl-NL nl-BE da-DK sv-SE nb-NO fi-FI pl-PL cs-CZ hu-HU";

interface Props {
  readonly locale: string;
  readonly timeZone: string;
  /** What counts where nothing is chosen. */
  readonly none: string;
  readonly errorAt: (field: "locale" | "time_zone") => string | undefined;
  onLocale: (locale: string) => void;
  onTimeZone: (zone: string) => void;
}

export function RegionInputs({ locale, timeZone, none, errorAt, onLocale, onTimeZone }: Props) {
  const { t, locale: own } = useI18n();
  const names = new Intl.DisplayNames(own, { type: "language" });
  const locales = [...new Set([...(locale ? [locale] : []), ...LOCALES.split(" ")])];
  const zones = [...new Set([...(timeZone ? [timeZone] : []), "UTC", ...Intl.supportedValuesOf("timeZone")])];
  const common = { searchable: true, clearable: true, limit: 100, placeholder: none } as const;
  return (
    <>
      <Select
        {...common}
        label={t("account.locale")}
        description={t("account.localeHint")}
        data={locales.map((value) => ({ value, label: nameOf(names, value) }))}
        value={locale || null}
        error={errorAt("locale")}
        onChange={(next) => onLocale(next ?? "")}
      />
      <Select
        {...common}
        label={t("account.timeZone")}
        data={zones}
        value={timeZone || null}
        error={errorAt("time_zone")}
        onChange={(next) => onTimeZone(next ?? "")}
      />
    </>
  );
}

/** What a company has set by another client need not be a tag that the browser knows. */
function nameOf(names: Intl.DisplayNames, tag: string): string {
  try {
    return names.of(tag) ?? tag;
  } catch {
    return tag;
  }
}
