// Products down, warehouses across. A cell says what can still be promised, and what lies there and is promised already.
import { IconAlertTriangle } from "@tabler/icons-react";
import { useI18n } from "../../i18n";
import { shownDecimal } from "../../format/money";
import { ReferenceLink } from "../../resource/Value";
import type { Place, Stock } from "./useStock";

export function StockMatrix({ stock, onOpen }: { stock: Stock; onOpen: (place: Place) => void }) {
  const { t } = useI18n();
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={t("stock.matrix")}>
      <table className="lines matrix">
        <thead>
          <tr>
            <th scope="col">{t("stock.product")}</th>
            {stock.warehouses.map(({ id, name, code }) => (
              <th key={id} scope="col" className="num" title={name}>
                {code || name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {stock.rows.map(({ productId, places }) => (
            <tr key={productId}>
              <th scope="row">
                <ReferenceLink typeName="erp.catalog.v1.Product" id={productId} />
              </th>
              {places.map((place) => (
                <td key={place.warehouse.id} className="num">
                  <Cell place={place} onOpen={() => onOpen(place)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ place: { level, warehouse }, onOpen }: { place: Place; onOpen: () => void }) {
  const { t, locale } = useI18n();
  if (!level) return <span className="soft">–</span>;
  const shown = (value: { value: string } | undefined) => shownDecimal(value?.value ?? "0", locale);
  const low = level.belowReorderLevel;
  const figures = { available: shown(level.available), onHand: shown(level.onHand), reserved: shown(level.reserved) };
  return (
    <button type="button" className="plain stock-cell" data-low={low} onClick={onOpen}>
      <span className="sr">
        {warehouse.name}: {t("stock.figures", figures)}
      </span>
      <strong aria-hidden>
        {low ? <IconAlertTriangle size={13} aria-hidden /> : null}
        {figures.available}
      </strong>
      <small aria-hidden>
        {figures.onHand} − {figures.reserved}
      </small>
    </button>
  );
}
