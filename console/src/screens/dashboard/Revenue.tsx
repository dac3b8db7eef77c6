// What was invoiced, less what was credited, period by period.
import { BarChart } from "@mantine/charts";
import "@mantine/charts/styles.css";
import { useNavigate } from "@tanstack/react-router";
import type { CurrencyRevenue, ReportService, RevenuePeriod } from "@client/gen/erp/finance/v1/report_pb";
import { Period } from "@client/gen/erp/v1/period_pb";
import { useRpc } from "../../api/hooks";
import { useMe } from "../../app/session";
import { shownMoney } from "../../format/money";
import { shownDate } from "../../format/time";
import { useI18n } from "../../i18n";
import { Amount } from "../../ui/Amount";
import { LinkButton } from "../../ui/LinkButton";
import { civilDate, dayOf, shortDay } from "../parts/days";
import { ListLink } from "../parts/ListLink";
import { Nothing, Panel } from "../parts/Panel";
import { pictured } from "../parts/sums";
import type { Range } from "./spans";

const INVOICES = "/finance/invoices";

export default function Revenue({ range }: { range: Range }) {
  const { t } = useI18n();
  const { may, tenant } = useMe();
  const { data, error, isPending } = useRpc<typeof ReportService>()(
    "erp.finance.v1.ReportService",
    "getRevenue",
    { fromDate: civilDate(range.from), toDate: civilDate(range.to), period: range.period },
    { touches: ["erp.finance.v1.Invoice"] },
  );
  // The books' own currency first.
  const currencies = [...(data?.currencies ?? [])].sort(
    (a, b) => Number(b.currencyCode === tenant.baseCurrency) - Number(a.currencyCode === tenant.baseCurrency),
  );
  return (
    <Panel className="wide" title={t("home.revenue")} error={error} loading={isPending} bones={7}>
      {currencies.length === 0 ? (
        <Nothing title={t("home.noRevenue")} hint={t("home.noRevenueHint")}>
          {may("orders.orders.write") ? <LinkButton to="/orders/orders/new">{t("order.new")}</LinkButton> : null}
        </Nothing>
      ) : (
        currencies.map((one) => <InCurrency key={one.currencyCode} revenue={one} range={range} />)
      )}
    </Panel>
  );
}

function InCurrency({ revenue, range }: { revenue: CurrencyRevenue; range: Range }) {
  const { t, locale } = useI18n();
  const navigate = useNavigate();
  const isMonth = range.period === Period.MONTH;
  const currency = revenue.currencyCode;
  const points = revenue.periods.map((period) => ({
    period,
    day: shortDay(dayOf(period.fromDate), locale, isMonth),
    total: pictured(period.total),
  }));
  const open = (period: RevenuePeriod) =>
    void navigate({
      to: INVOICES,
      search: { filter: documents(dayOf(period.fromDate), dayOf(period.toDate), currency) },
    });
  return (
    <div className="revenue">
      <p className="headline">
        <ListLink
          to={INVOICES}
          filter={documents(range.from, range.to, currency)}
          className="figure"
          label={`${t("home.revenue")} ${currency}`}
        >
          <Amount value={revenue.total} />
        </ListLink>
        <span className="soft">
          {shownDate(range.from, locale)} – {shownDate(range.to, locale)}
        </span>
      </p>
      <div className="chart" aria-hidden>
        <BarChart
          h={190}
          data={points}
          dataKey="day"
          series={[{ name: "total", label: t("home.revenue"), color: "var(--t-accent)" }]}
          gridAxis="x"
          // The table below says the same to those who do not see; nothing of the picture takes the focus.
          barChartProps={{ accessibilityLayer: false }}
          tickLine="none"
          valueFormatter={(value) =>
            new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 }).format(value)
          }
          barProps={{
            radius: 3,
            maxBarSize: 34,
            isAnimationActive: false,
            onClick: (_, place) => points[place] && open(points[place].period),
          }}
          tooltipProps={{
            content: ({ active, payload }) => (
              <Tip shown={active} period={(payload[0]?.payload as { period?: RevenuePeriod } | undefined)?.period} />
            ),
          }}
        />
      </div>
      <details className="behind">
        <summary>{t("home.asTable")}</summary>
        <table className="lines">
          <tbody>
            {revenue.periods.map((period) => (
              <tr key={dayOf(period.fromDate)}>
                <th scope="row">{shortDay(dayOf(period.fromDate), locale, isMonth)}</th>
                <td className="num">
                  <ListLink
                    to={INVOICES}
                    filter={documents(dayOf(period.fromDate), dayOf(period.toDate), currency)}
                    className="cell"
                  >
                    {period.total ? shownMoney(period.total, locale) : ""}
                  </ListLink>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  );
}

function Tip({ shown, period }: { shown: boolean | undefined; period: RevenuePeriod | undefined }) {
  const { t, locale } = useI18n();
  if (!shown || !period) return null;
  const [from, to] = [dayOf(period.fromDate), dayOf(period.toDate)];
  return (
    <div className="tip">
      <strong>{from === to ? shownDate(from, locale) : `${shownDate(from, locale)} – ${shownDate(to, locale)}`}</strong>
      <Amount value={period.total} />
      <span className="soft">
        {t("home.documents", { count: Number(period.invoiceCount + period.creditNoteCount) })}
      </span>
    </div>
  );
}

/** The invoices and credit notes that a figure is made of. */
function documents(from: string, to: string, currency: string): string {
  return `issue_date >= "${from}" AND issue_date <= "${to}" AND total.currency_code = "${currency}"`;
}
