// What each service has written and not published yet, and how far each consumer is behind.
import "../../form/form.css";
import type { EventLogService } from "@client/gen/erp/ops/v1/event_log_pb";
import { useRpc } from "../../api/hooks";
import { msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { Time } from "../../ui/Time";
import { Nothing, Panel } from "../parts/Panel";

const LOG = "erp.ops.v1.EventLogService";
const REFRESH_MS = 5_000;
/** The server counts up to here. */
const MOST = 10_001;

export function Flow() {
  return (
    <div className="two">
      <Outboxes />
      <Lags />
    </div>
  );
}

function Outboxes() {
  const { t, locale, domain } = useI18n();
  const { data, error, isPending } = useRpc<typeof EventLogService>()(
    LOG,
    "getOutboxStatus",
    {},
    { refetchInterval: REFRESH_MS },
  );
  const number = new Intl.NumberFormat(locale);
  return (
    <Panel title={t("events.outbox")} error={error} loading={isPending} bones={8}>
      <p className="help pad">{t("events.outboxHint")}</p>
      <div className="scroll-x" tabIndex={0} role="region" aria-label={t("events.outbox")}>
        <table className="lines">
          <thead>
            <tr>
              <th scope="col">{t("events.service")}</th>
              <th scope="col" className="num">
                {t("events.waiting")}
              </th>
              <th scope="col">{t("events.oldest")}</th>
            </tr>
          </thead>
          <tbody>
            {data?.outboxes.map(({ service, eventCount, oldestTime }) => (
              <tr key={service}>
                <td>{domain(service)}</td>
                <td className="num">
                  {eventCount >= MOST ? t("events.moreThan", { count: MOST - 1 }) : number.format(eventCount)}
                </td>
                <td className="soft">{oldestTime ? <Time ms={msOf(oldestTime)} /> : t("events.noneWaits")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Lags() {
  const { t, locale, domain } = useI18n();
  const { data, error, isPending } = useRpc<typeof EventLogService>()(
    LOG,
    "getConsumerLag",
    {},
    { refetchInterval: REFRESH_MS },
  );
  const lags = [...(data?.lags ?? [])].sort((a, b) =>
    a.lag === b.lag ? a.consumer.localeCompare(b.consumer) : a.lag < b.lag ? 1 : -1,
  );
  return (
    <Panel title={t("events.lag")} error={error} loading={isPending} bones={8}>
      <p className="help pad">{t("events.lagHint")}</p>
      {data && lags.length === 0 ? <Nothing title={t("events.noConsumers")} /> : null}
      <div className="scroll-x" tabIndex={0} role="region" aria-label={t("events.lag")}>
        <table className="lines">
          <thead>
            <tr>
              <th scope="col">{t("events.consumer")}</th>
              <th scope="col">{t("events.topic")}</th>
              <th scope="col" className="num">
                {t("events.behind")}
              </th>
            </tr>
          </thead>
          <tbody>
            {lags.map(({ consumer, topic, lag }) => (
              <tr key={`${consumer} ${topic}`}>
                <td>{domain(consumer)}</td>
                <td className="mono soft">{topic}</td>
                <td className="num" data-late={lag > 0n}>
                  {new Intl.NumberFormat(locale).format(lag)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
