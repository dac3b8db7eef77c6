// How many orders of these days are in which state.
import type { OrderService } from "@client/gen/erp/orders/v1/order_pb";
import { useRpc } from "../../api/hooks";
import { useMe, useModel } from "../../app/session";
import { useI18n } from "../../i18n";
import { shortName } from "../../i18n/labels";
import { toneOf } from "../parts/tones";
import { Amount } from "../../ui/Amount";
import { LinkButton } from "../../ui/LinkButton";
import { civilDate } from "../parts/days";
import { ListLink } from "../parts/ListLink";
import { Nothing, Panel } from "../parts/Panel";
import type { Range } from "./spans";

const ORDERS = "/orders/orders";

export function OrdersByState({ range }: { range: Range }) {
  const { t, label, locale } = useI18n();
  const { may } = useMe();
  const states = useModel().registry.getEnum("erp.orders.v1.OrderState");
  const { data, error, isPending } = useRpc<typeof OrderService>()(
    "erp.orders.v1.OrderService",
    "getOrderStatistics",
    { fromDate: civilDate(range.from), toDate: civilDate(range.to), period: range.period },
    { touches: ["erp.orders.v1.Order"] },
  );
  const days = `order_date >= "${range.from}" AND order_date <= "${range.to}"`;
  const counts = (data?.states ?? []).map(({ state, orderCount }) => ({
    state: states?.value[state],
    count: Number(orderCount),
  }));
  const most = Math.max(1, ...counts.map(({ count }) => count));
  return (
    <Panel title={t("home.orders")} error={error} loading={isPending} bones={5}>
      {counts.length === 0 ? (
        <Nothing title={t("home.noOrders")} hint={t("home.noOrdersHint")}>
          {may("orders.orders.write") ? <LinkButton to={`${ORDERS}/new`}>{t("order.new")}</LinkButton> : null}
        </Nothing>
      ) : (
        <>
          <p className="headline">
            {(data?.currencies ?? []).map((one) => (
              <ListLink
                key={one.currencyCode}
                to={ORDERS}
                filter={`${days} AND currency_code = "${one.currencyCode}" AND state != FAILED AND state != CANCELLED`}
                className="figure"
                label={`${t("home.ordered")} ${one.currencyCode}`}
              >
                <Amount value={one.total} />
              </ListLink>
            ))}
          </p>
          <ul className="bars">
            {counts.map(({ state, count }) =>
              state ? (
                <li key={state.number} data-tone={toneOf(shortName(state))}>
                  <ListLink to={ORDERS} filter={`${days} AND state = ${shortName(state)}`} className="bar">
                    <span>{label(state)}</span>
                    <i style={{ width: `${(count / most) * 100}%` }} />
                    <b className="num">{new Intl.NumberFormat(locale).format(count)}</b>
                  </ListLink>
                </li>
              ) : null,
            )}
          </ul>
        </>
      )}
    </Panel>
  );
}
