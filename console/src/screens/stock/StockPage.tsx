// What lies where: products by warehouse, with what is promised to whom and what runs low.
import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import { useMe } from "../../app/session";
import { useI18n } from "../../i18n";
import { ReferencePicker } from "../../resource/ReferencePicker";
import { LinkButton } from "../../ui/LinkButton";
import { Nothing, Panel } from "../parts/Panel";
import { useSearchState } from "../parts/useSearchState";
import { StockDrawer } from "./StockDrawer";
import { StockMatrix } from "./StockMatrix";
import { useStock } from "./useStock";
import type { Place } from "./useStock";
import "./stock.css";

export default function StockPage() {
  const { t } = useI18n();
  const { may } = useMe();
  const [search, set] = useSearchState();
  const lowOnly = search["low"] === "yes";
  const product = search["product"] ?? "";
  const stock = useStock(lowOnly, product);
  const [place, setPlace] = useState<Place | undefined>();
  const isEmpty = stock.rows.length === 0;
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t("stock.title")}</h1>
        <span className="push" />
        {may("inventory.stock-moves.write") ? (
          <LinkButton to="/inventory/stock-moves/new" variant="default">
            {t("stock.move")}
          </LinkButton>
        ) : null}
      </div>
      <div className="tools" style={{ marginTop: 12 }}>
        <div style={{ flex: "0 1 300px", minWidth: 200 }}>
          <ReferencePicker
            typeName="erp.catalog.v1.Product"
            label={t("stock.product")}
            value={product}
            onChange={(id) => set({ product: id })}
          />
        </div>
        <Checkbox
          label={t("stock.lowOnly")}
          checked={lowOnly}
          mb={9}
          onChange={(event) => set({ low: event.currentTarget.checked ? "yes" : "" })}
        />
      </div>
      <Panel title={t("stock.matrix")} error={stock.error} loading={stock.isPending} bones={9} side={<Legend />}>
        {isEmpty ? <NoStock filtered={lowOnly || product !== ""} /> : <StockMatrix stock={stock} onOpen={setPlace} />}
        {stock.more ? (
          <Button variant="subtle" m={10} loading={stock.isLoadingMore} onClick={stock.more}>
            {t("parts.more")}
          </Button>
        ) : null}
      </Panel>
      {place ? <StockDrawer place={place} onClose={() => setPlace(undefined)} /> : null}
    </div>
  );
}

function Legend() {
  const { t } = useI18n();
  return <span className="soft">{t("stock.legend")}</span>;
}

function NoStock({ filtered }: { filtered: boolean }) {
  const { t } = useI18n();
  const { may } = useMe();
  if (filtered) return <Nothing title={t("stock.noMatch")} hint={t("stock.noMatchHint")} />;
  return (
    <Nothing title={t("stock.empty")} hint={t("stock.emptyHint")}>
      {may("inventory.stock-moves.write") ? (
        <LinkButton to="/inventory/stock-moves/new">{t("stock.move")}</LinkButton>
      ) : null}
    </Nothing>
  );
}
