// What customers owe, by how long it has been due.
import type { AgeingBand, CurrencyReceivables, ReportService } from "@client/gen/erp/finance/v1/report_pb";
import { useRpc } from "../../api/hooks";
import { useI18n } from "../../i18n";
import type { I18n } from "../../i18n";
import { Amount } from "../../ui/Amount";
import { dayOf } from "../parts/days";
import { allOf, ListLink } from "../parts/ListLink";
import { Nothing, Panel } from "../parts/Panel";
import { pictured } from "../parts/sums";

const INVOICES = "/finance/invoices";
const OPEN = "kind = INVOICE AND (state = POSTED OR state = PARTIALLY_PAID)";

export function Ageing() {
  const { t } = useI18n();
  const { data, error, isPending } = useRpc<typeof ReportService>()(
    "erp.finance.v1.ReportService",
    "getReceivablesAgeing",
    {},
    {
      touches: ["erp.finance.v1.Invoice", "erp.finance.v1.PaymentEntry"],
    },
  );
  return (
    <Panel title={t("home.ageing")} error={error} loading={isPending} bones={5}>
      {data?.currencies.length === 0 ? (
        <Nothing title={t("home.noReceivables")} hint={t("home.noReceivablesHint")} />
      ) : null}
      {data?.currencies.map((one) => (
        <InCurrency key={one.currencyCode} receivables={one} />
      ))}
    </Panel>
  );
}

function InCurrency({
  receivables: { currencyCode, bands, total, invoiceCount },
}: {
  receivables: CurrencyReceivables;
}) {
  const i18n = useI18n();
  const { t } = i18n;
  const currency = `total.currency_code = "${currencyCode}"`;
  const most = Math.max(...bands.map(({ amount }) => pictured(amount)), 1);
  return (
    <>
      <p className="headline">
        <ListLink
          to={INVOICES}
          filter={allOf(OPEN, currency)}
          className="figure"
          label={`${t("home.ageing")} ${currencyCode}`}
        >
          <Amount value={total} />
        </ListLink>
        <span className="soft">{t("home.openInvoices", { count: Number(invoiceCount) })}</span>
      </p>
      <ul className="bars">
        {bands.map((band) => (
          <li key={band.minDays ?? -1} data-tone={toneOf(band)}>
            <ListLink to={INVOICES} filter={allOf(OPEN, currency, daysOf(band))} className="bar">
              <span>{titleOf(band, i18n)}</span>
              <i style={{ width: `${(Math.max(0, pictured(band.amount)) / most) * 100}%` }} />
              <b>
                <Amount value={band.amount} />
              </b>
            </ListLink>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The filter over `due_date` that finds the band's invoices. */
function daysOf({ fromDate, toDate }: AgeingBand): string {
  return allOf(fromDate && `due_date >= "${dayOf(fromDate)}"`, toDate && `due_date <= "${dayOf(toDate)}"`);
}

function titleOf({ minDays, maxDays }: AgeingBand, { t }: I18n): string {
  if (minDays === undefined) return t("home.notDue");
  if (maxDays === undefined) return t("home.dueMore", { days: minDays });
  return t("home.dueDays", { from: minDays, to: maxDays });
}

function toneOf({ minDays, maxDays }: AgeingBand): string {
  if (minDays === undefined) return "good";
  return maxDays === undefined || minDays > 60 ? "bad" : "warn";
}
