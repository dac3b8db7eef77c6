// The books: what stands on each account, the entries behind each figure, and the document behind each entry.
import { Select, TextInput } from "@mantine/core";
import { useMe } from "../../app/session";
import { useI18n } from "../../i18n";
import { isDay } from "../parts/days";
import { Tabs } from "../parts/Tabs";
import { useSearchState } from "../parts/useSearchState";
import { Journal } from "./Journal";
import { TrialBalance } from "./TrialBalance";

export default function LedgerPage() {
  const { t } = useI18n();
  const { may, tenant } = useMe();
  const [search, set] = useSearchState();
  const views = [
    ...(may("finance.reports.read") ? [{ name: "balance", title: t("ledger.balance") }] : []),
    ...(may("finance.journal-entries.read") ? [{ name: "journal", title: t("ledger.journal") }] : []),
  ];
  const view = views.find(({ name }) => name === search["view"])?.name ?? views[0]?.name ?? "";
  const currency = search["currency"] ?? tenant.baseCurrency;
  const until = isDay(search["until"]) ? search["until"] : "";
  const from = isDay(search["from"]) ? search["from"] : "";
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t("ledger.title")}</h1>
      </div>
      <Tabs label={t("ledger.title")} tabs={views} current={view} />
      <div className="tools">
        {view === "journal" ? (
          <TextInput
            type="date"
            label={t("ledger.from")}
            value={from}
            max={until}
            onChange={(event) => set({ from: event.currentTarget.value })}
          />
        ) : null}
        <TextInput
          type="date"
          label={view === "journal" ? t("ledger.until") : t("ledger.asOf")}
          value={until}
          onChange={(event) => set({ until: event.currentTarget.value })}
        />
        <Currency value={currency} onChange={(next) => set({ currency: next === tenant.baseCurrency ? "" : next })} />
      </div>
      {view === "balance" ? <TrialBalance asOf={until} currency={currency} /> : null}
      {view === "journal" ? (
        <Journal
          from={from}
          until={until}
          currency={currency}
          account={search["account"] ?? ""}
          onAccount={(account) => set({ account })}
        />
      ) : null}
    </div>
  );
}

function Currency({ value, onChange }: { value: string; onChange: (currency: string) => void }) {
  const { t } = useI18n();
  const codes = [...new Set([value, ...Intl.supportedValuesOf("currency")])];
  return (
    <Select
      label={t("ledger.currency")}
      searchable
      w={110}
      limit={60}
      data={codes}
      value={value}
      allowDeselect={false}
      onChange={(next) => next && onChange(next)}
    />
  );
}
