// Every account with what was posted to it; each figure opens the entries that it is made of.
import { Link } from "@tanstack/react-router";
import { IconCheck, IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { ReportService, TrialBalance as Balance, TrialBalanceRow } from "@client/gen/erp/finance/v1/report_pb";
import { useRpc } from "../../api/hooks";
import { useMe, useModel } from "../../app/session";
import { useI18n } from "../../i18n";
import type { Money } from "../../format/money";
import { Amount } from "../../ui/Amount";
import { LinkButton } from "../../ui/LinkButton";
import { civilDate } from "../parts/days";
import { Nothing, Panel } from "../parts/Panel";

const SERVICE = "erp.finance.v1.ReportService";
const TYPE = "erp.finance.v1.LedgerAccountType";

export function TrialBalance({ asOf, currency }: { asOf: string; currency: string }) {
  const { t } = useI18n();
  const request = { currencyCode: currency, ...(asOf ? { asOf: civilDate(asOf) } : {}) };
  const { data, error, isPending } = useRpc<typeof ReportService>()(SERVICE, "getTrialBalance", request, {
    touches: ["erp.finance.v1.JournalEntry", "erp.finance.v1.Invoice", "erp.finance.v1.PaymentEntry"],
  });
  return (
    <Panel
      title={t("ledger.balance")}
      error={error}
      loading={isPending}
      bones={9}
      side={data && data.rows.length > 0 ? <Evenness balance={data} /> : null}
    >
      {data && data.rows.length === 0 ? (
        <Nothing title={t("ledger.empty")} hint={t("ledger.emptyHint")}>
          <LinkButton to="/finance/invoices" variant="default">
            {t("ledger.toInvoices")}
          </LinkButton>
        </Nothing>
      ) : (
        data && <Rows balance={data} asOf={asOf} currency={currency} />
      )}
    </Panel>
  );
}

/** Whether debits and credits are equal, as the server says it. */
function Evenness({ balance: { difference, entryCount } }: { balance: Balance }) {
  const { t } = useI18n();
  const isEven = difference !== undefined && difference.units === 0n && difference.nanos === 0;
  return (
    <>
      <span className="soft">{t("ledger.entries", { count: Number(entryCount) })}</span>
      <span className="badge" data-tone={isEven ? "good" : "bad"} data-testid="evenness">
        {isEven ? <IconCheck size={13} aria-hidden /> : <IconAlertTriangle size={13} aria-hidden />}{" "}
        {isEven ? t("ledger.even") : t("ledger.uneven")}
        {isEven ? null : <Amount value={difference} />}
      </span>
    </>
  );
}

function Rows({ balance, asOf, currency }: { balance: Balance; asOf: string; currency: string }) {
  const { t } = useI18n();
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={t("ledger.balance")}>
      <table className="lines">
        <thead>
          <tr>
            <th scope="col">{t("ledger.code")}</th>
            <th scope="col">{t("ledger.account")}</th>
            <th scope="col" className="only-desk-cell">
              {t("ledger.type")}
            </th>
            <th scope="col" className="num">
              {t("ledger.debit")}
            </th>
            <th scope="col" className="num">
              {t("ledger.credit")}
            </th>
            <th scope="col" className="num">
              {t("ledger.saldo")}
            </th>
          </tr>
        </thead>
        <tbody>
          {balance.rows.map((row) => (
            <Row key={row.accountCode} row={row} asOf={asOf} currency={currency} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <td colSpan={2}>{t("ledger.total")}</td>
            <td className="only-desk-cell" />
            <td className="num" data-testid="debit-total">
              <Behind asOf={asOf} currency={currency}>
                <Amount value={balance.debitTotal} />
              </Behind>
            </td>
            <td className="num" data-testid="credit-total">
              <Behind asOf={asOf} currency={currency}>
                <Amount value={balance.creditTotal} />
              </Behind>
            </td>
            <td className="num">
              <Amount value={balance.difference} />
            </td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function Row({ row, asOf, currency }: { row: TrialBalanceRow; asOf: string; currency: string }) {
  const { label } = useI18n();
  const { registry } = useModel();
  const type = registry.getEnum(TYPE)?.value[row.type];
  return (
    <tr>
      <td className="mono">{row.accountCode}</td>
      <th scope="row">{row.displayName}</th>
      <td className="soft only-desk-cell">{type ? label(type) : ""}</td>
      {[row.debit, row.credit, row.balance].map((value, place) => (
        <td key={place} className="num">
          <Behind account={row.accountCode} asOf={asOf} currency={currency}>
            <Figure value={value} />
          </Behind>
        </td>
      ))}
    </tr>
  );
}

function Figure({ value }: { value: Money | undefined }) {
  if (!value || (value.units === 0n && value.nanos === 0)) return <span className="soft">–</span>;
  return <Amount value={value} />;
}

/** The entries that a figure is made of: those of one account, or all of them for what all accounts add up to. */
function Behind({
  account = "",
  asOf,
  currency,
  children,
}: {
  account?: string;
  asOf: string;
  currency: string;
  children: ReactNode;
}) {
  const { t } = useI18n();
  const { may } = useMe();
  if (!may("finance.journal-entries.read")) return children;
  const search = { view: "journal", ...(account ? { account } : {}), currency, ...(asOf ? { until: asOf } : {}) };
  const title = account ? t("ledger.open", { account }) : t("ledger.openAll");
  return (
    <Link to="/ledger" search={search} className="cell" title={title}>
      {children}
    </Link>
  );
}
