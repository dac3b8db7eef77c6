// What runs low: products of which less can be promised than the level at which they are to be ordered.
import { Link } from "@tanstack/react-router";
import type { StockLevelService } from "@client/gen/erp/inventory/v1/stock_level_pb";
import { useRpc } from "../../api/hooks";
import { shownDecimal } from "../../format/money";
import { useI18n } from "../../i18n";
import { ReferenceLink } from "../../resource/Value";
import { ListLink } from "../parts/ListLink";
import { Nothing, Panel } from "../parts/Panel";

const SHOWN = 8;
const LOW = "below_reorder_level = true";

export function Alerts() {
  const { t, locale } = useI18n();
  const { data, error, isPending } = useRpc<typeof StockLevelService>()(
    "erp.inventory.v1.StockLevelService",
    "listStockLevels",
    { pageSize: SHOWN, filter: LOW, orderBy: "available, id", showTotalSize: true },
    { touches: ["erp.inventory.v1.StockLevel"] },
  );
  const levels = data?.stockLevels ?? [];
  const total = Number(data?.totalSize ?? 0);
  const all = (
    <ListLink to="/inventory/stock-levels" filter={LOW}>
      {t("home.allLow", { count: total })}
    </ListLink>
  );
  return (
    <Panel title={t("home.stock")} error={error} loading={isPending} bones={5} side={total > 0 ? all : null}>
      {levels.length === 0 ? (
        <Nothing title={t("home.noLow")} hint={t("home.noLowHint")} />
      ) : (
        <ul className="plain-list pad-y">
          {levels.map((level) => (
            <li key={level.id} className="alert-row">
              <span>
                <ReferenceLink typeName="erp.catalog.v1.Product" id={level.productId} />{" "}
                <small className="soft">
                  <ReferenceLink typeName="erp.inventory.v1.Warehouse" id={level.warehouseId} plain />
                </small>
              </span>
              <span className="num">
                <Link
                  to="/stock"
                  search={{ product: level.productId }}
                  className="link"
                  aria-label={`${t("stock.title")}: ${shownDecimal(level.available?.value ?? "0", locale)}`}
                >
                  <strong>{shownDecimal(level.available?.value ?? "0", locale)}</strong>
                </Link>{" "}
                <span className="soft">/ {shownDecimal(level.reorderLevel?.value ?? "0", locale)}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
