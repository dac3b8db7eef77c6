// One event: who told it, in the name of whom, and what it says.
import { CopyButton } from "@mantine/core";
import type { EventEnvelope } from "@client/gen/erp/v1/event_pb";
import { msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { Actor } from "../../resource/Value";
import { Time } from "../../ui/Time";

export function EventDetails({ event }: { event: EventEnvelope }) {
  const { t } = useI18n();
  const { metadata } = event;
  const payload = JSON.stringify(event.data ?? {}, null, 2);
  const facts = [
    [t("events.id"), <code key="id">{event.eventId}</code>],
    [t("events.time"), event.timestamp ? <Time ms={msOf(event.timestamp)} /> : null],
    [t("events.source"), event.source],
    [t("events.actor"), metadata?.userId ? <Actor name={metadata.userId} /> : null],
    [t("events.correlation"), metadata?.correlationId ? <code>{metadata.correlationId}</code> : null],
    [t("events.cause"), metadata?.causationId ? <code>{metadata.causationId}</code> : null],
    [t("events.trace"), metadata?.traceId ? <code>{metadata.traceId}</code> : null],
  ] as const;
  return (
    <div className="stack">
      <dl className="fields" style={{ padding: 0 }}>
        {facts.map(([name, value]) =>
          value ? (
            <div key={name} style={{ gridColumn: "1 / -1" }}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ) : null,
        )}
      </dl>
      <section className="card" aria-label={t("events.payload")}>
        <h2 className="panel-head">
          <span>{t("events.payload")}</span>
          <CopyButton value={payload}>
            {({ copied, copy }) => (
              <button type="button" className="plain link" onClick={copy}>
                {copied ? t("record.copied") : t("parts.copy")}
              </button>
            )}
          </CopyButton>
        </h2>
        <pre className="json" tabIndex={0} aria-label={t("events.payload")}>
          {payload}
        </pre>
      </section>
    </div>
  );
}
