// What was ordered, at which prices, and what it comes to.
import type { Order } from "@client/gen/erp/orders/v1/order_pb";
import { shownDecimal } from "../../format/money";
import { useI18n } from "../../i18n";
import { ReferenceLink } from "../../resource/Value";
import { Amount } from "../../ui/Amount";
import { isZero } from "../parts/sums";
import { Panel } from "../parts/Panel";

export function OrderLines({ order }: { order: Order }) {
  const { t } = useI18n();
  return (
    <Panel title={t("order.lines")}>
      <div className="scroll-x" tabIndex={0} role="region" aria-label={t("order.lines")}>
        <table className="lines">
          <thead>
            <tr>
              <th scope="col">{t("order.product")}</th>
              <th scope="col" className="num">
                {t("order.quantity")}
              </th>
              <th scope="col" className="num">
                {t("order.price")}
              </th>
              <th scope="col" className="num">
                {t("order.discount")}
              </th>
              <th scope="col" className="num">
                {t("order.net")}
              </th>
            </tr>
          </thead>
          <tbody>
            {order.lines.map((line) => (
              <Line key={line.lineNumber} line={line} />
            ))}
          </tbody>
          <Totals order={order} />
        </table>
      </div>
    </Panel>
  );
}

function Line({ line }: { line: Order["lines"][number] }) {
  const { locale } = useI18n();
  const percent = (value: string) =>
    new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 4 }).format(value as `${number}`);
  return (
    <tr>
      <td>
        <ReferenceLink typeName="erp.catalog.v1.Product" id={line.productId} />{" "}
        <span className="mono soft">{line.sku}</span>
      </td>
      <td className="num">{shownDecimal(line.quantity?.value ?? "0", locale)}</td>
      <td className="num">
        <Amount value={line.unitPrice} />
      </td>
      <td className="num">
        {line.discount && Number(line.discount.value) !== 0 ? percent(line.discount.value) : null}
      </td>
      <td className="num">
        <Amount value={line.netAmount} />
      </td>
    </tr>
  );
}

function Totals({ order: { freight, linesTotal, total } }: { order: Order }) {
  const { t } = useI18n();
  if (!total) {
    return (
      <tfoot>
        <tr>
          <td colSpan={5} className="soft" style={{ fontWeight: 400 }}>
            {t("order.notPriced")}
          </td>
        </tr>
      </tfoot>
    );
  }
  const rows = [
    ...(freight && !isZero(freight)
      ? ([
          ["order.linesTotal", linesTotal],
          ["order.freight", freight],
        ] as const)
      : []),
    ["order.total", total] as const,
  ];
  return (
    <tfoot>
      {rows.map(([key, value]) => (
        <tr key={key} data-total={key === "order.total"}>
          <td colSpan={4}>{t(key)}</td>
          <td className="num">
            <Amount value={value} />
          </td>
        </tr>
      ))}
    </tfoot>
  );
}
