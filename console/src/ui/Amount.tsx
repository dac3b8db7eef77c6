import { useI18n } from "../i18n";
import { shownMoney } from "../format/money";
import type { Money } from "../format/money";

/** An amount with its currency, its digits below those of the amounts above and below it. */
export function Amount({ value }: { value: Pick<Money, "units" | "nanos" | "currencyCode"> | undefined }) {
  const { locale } = useI18n();
  if (!value) return null;
  return <span className="money">{shownMoney(value, locale)}</span>;
}
