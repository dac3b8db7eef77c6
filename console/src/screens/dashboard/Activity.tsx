// What happened last, and who did it.
import { Link } from "@tanstack/react-router";
import type { AuditEntry, AuditEntryService } from "@client/gen/erp/audit/v1/audit_entry_pb";
import { useRpc } from "../../api/hooks";
import { useLive } from "../../api/useLive";
import { useModel } from "../../app/session";
import { msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { Actor, ReferenceLink } from "../../resource/Value";
import { Time } from "../../ui/Time";
import { ListLink } from "../parts/ListLink";
import { Nothing, Panel } from "../parts/Panel";

const SERVICE = "erp.audit.v1.AuditEntryService";
const SHOWN = 6;
const always = () => true;

export function Activity() {
  const { t } = useI18n();
  useLive([SERVICE], always);
  const { data, error, isPending } = useRpc<typeof AuditEntryService>()(SERVICE, "listAuditEntries", {
    pageSize: SHOWN,
    orderBy: "event_time desc",
  });
  const entries = data?.auditEntries ?? [];
  const all = <ListLink to="/audit/audit-entries">{t("record.showAll")}</ListLink>;
  return (
    <Panel
      title={t("home.activity")}
      error={error}
      loading={isPending}
      bones={6}
      side={entries.length > 0 ? all : null}
    >
      {entries.length === 0 ? (
        <Nothing title={t("home.noActivity")} hint={t("home.noActivityHint")} />
      ) : (
        <ol className="timeline">
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const { event } = useI18n();
  const model = useModel();
  const [record] = entry.records;
  const entity = model.entity(record?.entityType ?? "");
  return (
    <li>
      <p>
        <Link to={`/audit/audit-entries/${entry.id}`} className="link">
          {event(entry.eventType)}
        </Link>{" "}
        {record && entity ? <ReferenceLink typeName={entity.typeName} id={record.entityId} /> : null}
      </p>
      <p className="soft">
        <Actor name={entry.actor} /> · {entry.eventTime ? <Time ms={msOf(entry.eventTime)} /> : null}
      </p>
    </li>
  );
}
