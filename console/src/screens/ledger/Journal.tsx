// Entries, newest first; each opens into its lines and names the document that it comes from.
import { Button, TextInput } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import type { JournalEntry, JournalEntryService, JournalLine } from "@client/gen/erp/finance/v1/journal_entry_pb";
import { client } from "../../api/wire";
import { useModel } from "../../app/session";
import { useI18n } from "../../i18n";
import type { Key } from "../../i18n";
import { shownDate } from "../../format/time";
import { negated } from "../parts/sums";
import { ReferenceLink } from "../../resource/Value";
import { readable } from "../../i18n/labels";
import { Amount } from "../../ui/Amount";
import { dayOf } from "../parts/days";
import { allOf } from "../parts/ListLink";
import { Nothing, Panel } from "../parts/Panel";

const SERVICE = "erp.finance.v1.JournalEntryService";
const PAGE = 50;

/** What entries come from, by the name that finance gives it. */
const SOURCES: Readonly<Record<string, string>> = {
  invoice: "erp.finance.v1.Invoice",
  credit_note: "erp.finance.v1.Invoice",
  payment: "erp.finance.v1.PaymentEntry",
  refund: "erp.finance.v1.PaymentEntry",
  payment_entry: "erp.finance.v1.PaymentEntry",
  stock_move: "erp.inventory.v1.StockMove",
};

/** What entries come from that have no document of their own, or another word for it. */
const SOURCE_NAMES: Readonly<Record<string, Key>> = {
  credit_note: "ledger.of.creditNote",
  refund: "ledger.of.refund",
  reversal: "ledger.of.reversal",
  allocation: "ledger.of.allocation",
  stock_move: "ledger.of.stockMove",
};

interface Props {
  readonly from: string;
  readonly until: string;
  readonly currency: string;
  readonly account: string;
  onAccount: (code: string) => void;
}

export function Journal({ from, until, currency, account, onAccount }: Props) {
  const { t } = useI18n();
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useJournal(
    from,
    until,
    currency,
    account,
  );
  const entries = data?.pages.flatMap(({ journalEntries }) => journalEntries) ?? [];
  const side = <AccountFilter key={account} account={account} onAccount={onAccount} />;
  return (
    <Panel title={t("ledger.journal")} side={side} error={error} loading={isPending} bones={9}>
      {entries.length === 0 ? (
        <Nothing title={t("ledger.noEntries")} hint={t("ledger.noEntriesHint")} />
      ) : (
        <Entries entries={entries} account={account} />
      )}
      {hasNextPage ? (
        <Button variant="subtle" m={10} loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("parts.more")}
        </Button>
      ) : null}
    </Panel>
  );
}

function useJournal(from: string, until: string, currency: string, accountCode: string) {
  const filter = allOf(
    from && `effective_date >= "${from}"`,
    until && `effective_date <= "${until}"`,
    `currency_code = "${currency}"`,
  );
  return useInfiniteQuery({
    queryKey: ["rpc", SERVICE, "listJournalEntries", filter, accountCode],
    meta: { touches: ["erp.finance.v1.JournalEntry"] },
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => {
      const request = {
        pageSize: PAGE,
        pageToken: pageParam,
        filter,
        accountCode,
        orderBy: "effective_date desc, id desc",
      };
      return client<typeof JournalEntryService>(SERVICE).listJournalEntries(request, { signal });
    },
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  });
}

function AccountFilter({ account, onAccount }: { account: string; onAccount: (code: string) => void }) {
  const { t } = useI18n();
  const [typed, setTyped] = useState(account);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onAccount(typed.trim());
      }}
    >
      <TextInput
        size="xs"
        w={150}
        aria-label={t("ledger.accountFilter")}
        placeholder={t("ledger.accountFilter")}
        value={typed}
        maxLength={10}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onBlur={() => typed.trim() !== account && onAccount(typed.trim())}
      />
    </form>
  );
}

function Entries({ entries, account }: { entries: readonly JournalEntry[]; account: string }) {
  const { t } = useI18n();
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={t("ledger.journal")}>
      <table className="lines journal">
        <thead>
          <tr>
            <th scope="col">{t("ledger.day")}</th>
            <th scope="col">{t("ledger.what")}</th>
            <th scope="col">{t("ledger.source")}</th>
            <th scope="col" className="num">
              {t("ledger.debit")}
            </th>
            <th scope="col" className="num">
              {t("ledger.credit")}
            </th>
          </tr>
        </thead>
        {entries.map((entry) => (
          <Entry key={entry.id} entry={entry} account={account} />
        ))}
      </table>
    </div>
  );
}

function Entry({ entry, account }: { entry: JournalEntry; account: string }) {
  const { t, locale } = useI18n();
  const [open, setOpen] = useState(account !== "");
  const debits = entry.lines.filter(({ amount }) => amount && !isCredit(amount));
  return (
    <tbody>
      <tr>
        <td className="tight">{shownDate(dayOf(entry.effectiveDate), locale)}</td>
        <td>
          <button type="button" className="plain disclose" aria-expanded={open} onClick={() => setOpen(!open)}>
            <IconChevronRight size={14} aria-hidden /> {entry.memo || t("ledger.noMemo")}
          </button>
        </td>
        <td>
          <Source entry={entry} />
        </td>
        <td className="num soft" colSpan={2}>
          {open ? null : t("ledger.lines", { count: entry.lines.length, debits: debits.length })}
        </td>
      </tr>
      {open
        ? entry.lines.map((line, place) => <Line key={place} line={line} marked={line.accountCode === account} />)
        : null}
      {open ? (
        <tr className="more">
          <td />
          <td colSpan={4}>
            <Link to={`/finance/journal-entries/${entry.id}`} className="link">
              {t("ledger.openEntry")}
            </Link>
          </td>
        </tr>
      ) : null}
    </tbody>
  );
}

function Line({ line, marked }: { line: JournalLine; marked: boolean }) {
  const { amount } = line;
  const credit = amount !== undefined && isCredit(amount);
  return (
    <tr className="more" data-marked={marked}>
      <td />
      <td className={credit ? "indent" : ""}>
        <span className="mono">{line.accountCode}</span> <span className="soft">{line.memo}</span>
      </td>
      <td>{line.partyId ? <ReferenceLink typeName="erp.crm.v1.Account" id={line.partyId} /> : null}</td>
      <td className="num">{credit ? null : <Amount value={amount} />}</td>
      <td className="num">{credit ? <Amount value={negated(amount)} /> : null}</td>
    </tr>
  );
}

function Source({ entry: { sourceType, sourceId } }: { entry: JournalEntry }) {
  const { t, label } = useI18n();
  const entity = useModel().entity(SOURCES[sourceType] ?? "");
  if (!sourceType) return <span className="soft">{t("ledger.byHand")}</span>;
  const named = SOURCE_NAMES[sourceType];
  const name = named ? t(named) : entity ? label(entity.desc) : readable(sourceType);
  if (!entity || !sourceId) return <span className="soft">{name}</span>;
  return (
    <span>
      <span className="soft">{name}</span> <ReferenceLink typeName={entity.typeName} id={sourceId} />
    </span>
  );
}

/** Credits are less than zero. */
function isCredit({ units, nanos }: { units: bigint; nanos: number }): boolean {
  return units < 0n || nanos < 0;
}
