// An order: how far it is, what was done for it step by step, what was ordered, and what came of it.
import { useCallback, useEffect, useRef } from "react";
import type { Order, OrderService } from "@client/gen/erp/orders/v1/order_pb";
import type { EventEnvelope } from "@client/gen/erp/v1/event_pb";
import { tellChanges } from "../../api/changes";
import { useRpc } from "../../api/hooks";
import { useLive } from "../../api/useLive";
import { useModel } from "../../app/session";
import { useI18n } from "../../i18n";
import { RecordHead } from "../../resource/DetailPage";
import { Fields } from "../../resource/Fields";
import { History } from "../../resource/History";
import { Related } from "../../resource/Related";
import { EnumBadge } from "../../resource/Value";
import type { RecordProps } from "../registry";
import { Panel } from "../parts/Panel";
import { OrderLines } from "./OrderLines";
import { SagaTimeline } from "./SagaTimeline";
import "./order.css";

const SERVICE = "erp.orders.v1.OrderService";
const STATE = "erp.orders.v1.OrderState";
/** As long as it is on its way, a step may end that no event tells of. */
const POLL_MS = 2_000;

export default function OrderPage({ entity, record, id }: RecordProps) {
  const { t } = useI18n();
  const order = record as unknown as Order;
  const state = useModel().registry.getEnum(STATE)?.value[order.state];
  const { data, error, isPending } = useTimeline(id);
  // What the panels above show is not shown again below.
  const rest = {
    ...entity,
    fields: entity.fields.filter(({ name }) => !/^(lines|lines_total|freight|total|state|failure_message)$/.test(name)),
  };
  return (
    <div className="page detail">
      <RecordHead entity={entity} record={record} id={id} />
      <p className="row wrap order-state" role="status">
        {state ? <EnumBadge value={state} /> : null}
        {order.failureMessage ? <span className="soft">{order.failureMessage}</span> : null}
        {order.cancelReason ? <span className="soft">{order.cancelReason}</span> : null}
      </p>
      <div className="detail-body">
        <div className="stack">
          {error ? (
            <Panel title={t("saga.title")} error={error}>
              {null}
            </Panel>
          ) : null}
          {isPending ? (
            <Panel title={t("saga.title")} loading bones={7}>
              {null}
            </Panel>
          ) : null}
          {data?.sagas.map((saga) => (
            <SagaTimeline key={saga.id} saga={saga} />
          ))}
          <OrderLines order={order} />
          <Fields entity={rest} record={record} />
          <Related entity={entity} id={id} />
        </div>
        <History entity={entity} id={id} record={record} />
      </div>
    </div>
  );
}

/** The order's sagas, live: by events that name the order, and by asking while something is on its way. */
function useTimeline(id: string) {
  const matches = useCallback((event: EventEnvelope) => names(event, id), [id]);
  useLive([SERVICE], matches);
  const answer = useRpc<typeof OrderService>()(
    SERVICE,
    "getOrderTimeline",
    { id },
    { touches: ["erp.orders.v1.Order", "erp.orders.v1.Saga"] },
  );
  const { refetch } = answer;
  const sagas = answer.data?.sagas;
  const version = sagas?.map(({ etag }) => etag).join(" ");
  const going = sagas?.some((saga) => saga.endTime === undefined) ?? false;
  useEffect(() => {
    if (!going) return undefined;
    const timer = setInterval(() => void refetch(), POLL_MS);
    return () => clearInterval(timer);
  }, [going, refetch]);
  const seen = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (version === undefined) return;
    // The order has changed with its saga; the first answer is no change.
    if (seen.current !== undefined && seen.current !== version)
      tellChanges(new Map([["erp.orders.v1.Order", new Set([id])]]));
    seen.current = version;
  }, [version, id]);
  return answer;
}

function names({ data }: EventEnvelope, id: string): boolean {
  return data !== undefined && Object.values(data).includes(id);
}
