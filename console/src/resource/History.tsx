// What happened to the record and who did it: from the audit service, else what the record itself tells.
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useCallback } from "react";
import { fromJson, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Timestamp, Value as JsonMessage } from "@bufbuild/protobuf/wkt";
import { TesseraError } from "@client/error";
import type { AuditEntry, AuditEntryService } from "@client/gen/erp/audit/v1/audit_entry_pb";
import type { EventEnvelope, FieldChange } from "@client/gen/erp/v1/event_pb";
import { useLive } from "../api/useLive";
import { client } from "../api/wire";
import type { AnyMessage } from "../api/wire";
import { useMe, useModel } from "../app/session";
import { msOf } from "../format/time";
import { useI18n } from "../i18n";
import type { Key } from "../i18n";
import { isBookkeeping, isPlumbing } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { ErrorNotice } from "../ui/ErrorNotice";
import { Time } from "../ui/Time";
import { textIn, valueOf } from "./records";
import { Actor, Value } from "./Value";

const SERVICE = "erp.audit.v1.AuditEntryService";
const SHOWN = 20;
/** An entry is written a moment after the change that it is about: so often and so long it is waited for. */
const TRIES = 5;
const PAUSE_MS = 1_000;

interface Props {
  readonly entity: Entity;
  readonly id: string;
  readonly record: AnyMessage;
}

export function History({ entity, id, record }: Props) {
  const { t } = useI18n();
  const { may } = useMe();
  const known = useModel().registry.getService(SERVICE) !== undefined;
  return (
    <aside className="card history" aria-label={t("record.history")}>
      <h2>{t("record.history")}</h2>
      {known && may("audit.entries.read") ? (
        <Entries entity={entity} id={id} record={record} />
      ) : (
        <Bookkeeping record={record} />
      )}
    </aside>
  );
}

function Entries({ entity, id, record }: Props) {
  const { t } = useI18n();
  const tells = useCallback((event: EventEnvelope) => JSON.stringify(event.data ?? {}).includes(id), [id]);
  useLive([SERVICE], tells);
  const changed = record["updateTime"] as Timestamp | undefined;
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    // A new version of the record is a new entry of its history.
    queryKey: ["rpc", SERVICE, "history", id, textIn(record, "etag")],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      // Ids of records are unique by themselves: the type need not be named. Newest first is how the service sorts.
      client<typeof AuditEntryService>(SERVICE).listAuditEntries(
        { pageSize: SHOWN, pageToken: pageParam, recordId: id },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
    placeholderData: (before) => before,
    refetchInterval: ({ state }) => {
      const newest = state.data?.pages[0]?.auditEntries[0]?.eventTime;
      const isBehind = changed !== undefined && (!newest || msOf(newest) < msOf(changed) - PAUSE_MS);
      return isBehind && state.dataUpdateCount < TRIES ? PAUSE_MS : false;
    },
  });
  if (error) {
    // What the caller may not read, or nobody answers, leaves what the record tells.
    const isKept = error instanceof TesseraError && ["PERMISSION_DENIED", "UNIMPLEMENTED"].includes(error.code);
    return (
      <>
        {isKept ? null : <ErrorNotice error={error} />}
        <Bookkeeping record={record} />
      </>
    );
  }
  if (!data) return <Bones />;
  const entries = data.pages.flatMap(({ auditEntries }) => auditEntries);
  if (entries.length === 0) return <Bookkeeping record={record} />;
  return (
    <>
      <ol className="timeline">
        {entries.map((entry) => (
          <Entry key={entry.id} entry={entry} entity={entity} />
        ))}
      </ol>
      {hasNextPage ? (
        <Button variant="subtle" m={10} loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("history.more")}
        </Button>
      ) : null}
    </>
  );
}

function Bones() {
  return (
    <ol className="timeline" aria-hidden>
      {[70, 55, 62].map((width) => (
        <li key={width}>
          <span className="bone" style={{ width: `${width}%`, margin: "5px 0" }} />
        </li>
      ))}
    </ol>
  );
}

const VERBS: Readonly<Record<string, Key>> = {
  created: "history.created",
  updated: "history.updated",
  deleted: "history.deleted",
  undeleted: "history.undeleted",
};

function Entry({ entry, entity }: { entry: AuditEntry; entity: Entity }) {
  const { t, event } = useI18n();
  const isChange = entry.records[0]?.entityType === entity.typeName;
  const verb = isChange ? VERBS[entry.eventType.split(".")[1] ?? ""] : undefined;
  const link = `/audit/audit-entries/${entry.id}`;
  return (
    <li>
      <p>
        {verb ? (
          <>
            <Actor name={entry.actor} />{" "}
            <Link to={link} className="link">
              {t(verb)}
            </Link>
          </>
        ) : (
          <>
            <Link to={link} className="link">
              {event(entry.eventType)}
            </Link>{" "}
            <span className="soft">·</span> <Actor name={entry.actor} /> <span className="soft">·</span>
          </>
        )}{" "}
        {entry.eventTime ? (
          <span className="soft">
            <Time ms={msOf(entry.eventTime)} />
          </span>
        ) : null}
      </p>
      {verb === "history.updated" ? <Changes changes={entry.changes} entity={entity} /> : null}
    </li>
  );
}

function Changes({ changes, entity }: { changes: AuditEntry["changes"]; entity: Entity }) {
  const { label } = useI18n();
  const fields = entity.fields.filter((field) => !isPlumbing(field) && !isBookkeeping(field));
  return (
    <ul>
      {fields.map((field) => {
        const change = changes[field.name];
        return change ? (
          <li key={field.name}>
            <strong>{label(field.desc)}</strong> <Change entity={entity} field={field} change={change} />
          </li>
        ) : null;
      })}
    </ul>
  );
}

function Change({ entity, field, change }: { entity: Entity; field: FieldModel; change: FieldChange }) {
  const { t } = useI18n();
  if (!change.from && !change.to) return <span>{t("history.masked")}</span>;
  const [from, to] = [change.from, change.to].map((value) => valueIn(entity, field, value));
  return (
    <>
      {from === undefined ? null : (
        <s>
          <Value field={field} value={from} inList />
        </s>
      )}{" "}
      {to === undefined ? null : <Value field={field} value={to} inList />}
    </>
  );
}

/** A value as the record itself would have it; the change tells it as proto3 JSON. */
function valueIn(entity: Entity, field: FieldModel, value: JsonMessage | undefined): unknown {
  if (value === undefined) return undefined;
  try {
    const json = { [field.desc.jsonName]: toJson(ValueSchema, value) };
    return valueOf(field, fromJson(entity.desc, json, { ignoreUnknownFields: true }));
  } catch {
    // Written when the contract was another one.
    return undefined;
  }
}

/** Without the audit service the record itself tells its first and last change. */
function Bookkeeping({ record }: { record: AnyMessage }) {
  const { t } = useI18n();
  const steps = (
    [
      ["deleteTime", "updatedBy", "history.deleted"],
      ["updateTime", "updatedBy", "history.updated"],
      ["createTime", "createdBy", "history.created"],
    ] as const
  ).filter(([time]) => record[time] !== undefined);
  if (steps.length === 0) return <p className="soft pad">{t("history.empty")}</p>;
  return (
    <ol className="timeline">
      {steps.map(([time, by, verb]) => (
        <li key={time}>
          <p>
            <Actor name={textIn(record, by)} /> {t(verb)}{" "}
            <span className="soft">
              <Time ms={msOf(record[time] as Timestamp)} />
            </span>
          </p>
        </li>
      ))}
    </ol>
  );
}
