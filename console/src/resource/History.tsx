// What was done to the record and by whom, from the audit service where there is one.
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { create } from "@bufbuild/protobuf";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { invoke } from "../api/wire";
import type { AnyMessage } from "../api/wire";
import { useMe, useModel } from "../app/session";
import { msOf } from "../format/time";
import { useI18n } from "../i18n";
import type { Key } from "../i18n";
import { isUnary } from "../schema/model";
import type { Entity } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { ErrorNotice } from "../ui/ErrorNotice";
import { Time } from "../ui/Time";
import { Actor } from "./Value";

const SERVICE = "erp.audit.v1.AuditEntryService";
const SHOWN = 20;

export function History({ entity, id, record }: { entity: Entity; id: string; record: AnyMessage }) {
  const { t } = useI18n();
  const { may } = useMe();
  const method = useModel()
    .registry.getService(SERVICE)
    ?.methods.find(({ name }) => name === "ListAuditEntries");
  const allowed = method !== undefined && isUnary(method) && mayCall(may, method);
  return (
    <aside className="card history" aria-label={t("record.history")}>
      <h2>{t("record.history")}</h2>
      {allowed ? (
        <Entries entity={entity} id={id} method={method} version={String(record["etag"] ?? "")} />
      ) : (
        <Bookkeeping record={record} />
      )}
    </aside>
  );
}

function Entries({
  entity,
  id,
  method,
  version,
}: {
  entity: Entity;
  id: string;
  method: DescMethodUnary;
  version: string;
}) {
  const { t } = useI18n();
  const holder = method.output.fields.find(({ fieldKind, message }) => fieldKind === "list" && message !== undefined);
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    // A new version of the record is a new entry of its history.
    queryKey: ["history", entity.typeName, id, version],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => {
      const filter = `entity_type = "${entity.typeName}" AND entity_id = "${id}"`;
      const request = { pageSize: SHOWN, pageToken: pageParam, filter, orderBy: "id desc" };
      return invoke(method, create(method.input, request as never), signal);
    },
    getNextPageParam: (page) => String(page["nextPageToken"] ?? "") || undefined,
    placeholderData: (before) => before,
  });
  if (error) return <ErrorNotice error={error} />;
  const entries = data?.pages.flatMap((page) => (holder ? (page[holder.localName] as AnyMessage[]) : [])) ?? [];
  if (data && entries.length === 0) return <p className="soft pad">{t("history.empty")}</p>;
  return (
    <>
      <ol className="timeline">
        {entries.map((entry, place) => (
          <Entry key={String(entry["id"] ?? place)} entry={entry} entity={entity} />
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

const VERBS: Readonly<Record<string, Key>> = {
  created: "history.created",
  updated: "history.updated",
  deleted: "history.deleted",
  undeleted: "history.undeleted",
};

function Entry({ entry, entity }: { entry: AnyMessage; entity: Entity }) {
  const { t, label } = useI18n();
  const time = (entry["time"] ?? entry["createTime"]) as Timestamp | undefined;
  const change = changeOf(entry);
  const changes = Object.entries((entry["changes"] ?? {}) as Record<string, unknown>);
  const verb = VERBS[change];
  const fieldOf = (name: string) => entity.fields.find((field) => field.name === name);
  return (
    <li>
      <p>
        <Actor name={String(entry["actor"] ?? "")} /> {verb ? t(verb) : change}
        {time ? (
          <span className="soft">
            {" "}
            <Time ms={msOf(time)} />
          </span>
        ) : null}
      </p>
      {verb === "history.updated" ? (
        <ul>
          {changes.map(([name, value]) => {
            const field = fieldOf(name);
            const { from, to } = value as { from?: unknown; to?: unknown };
            return (
              <li key={name}>
                <strong>{field ? label(field.desc) : name}</strong> <s>{plain(from)}</s> {plain(to)}
              </li>
            );
          })}
        </ul>
      ) : null}
    </li>
  );
}

/** The kind of change: a word, or an enum's number whose value says it. */
function changeOf(entry: AnyMessage): string {
  const { change, changeType } = entry as { change?: unknown; changeType?: unknown };
  const said = change ?? changeType;
  if (typeof said === "string") return said.toLowerCase();
  return ["", "created", "updated", "deleted", "undeleted"][Number(said ?? 0)] ?? "";
}

/** A value of the change list, which is proto3 JSON, in short. */
function plain(value: unknown): string {
  if (value === undefined || value === null) return "";
  const inner =
    typeof value === "object" && "kind" in value ? (value as { kind: { value?: unknown } }).kind.value : value;
  const text = typeof inner === "string" ? inner : JSON.stringify(inner);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
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
            <Actor name={String(record[by] ?? "")} /> {t(verb)}{" "}
            <span className="soft">
              <Time ms={msOf(record[time] as Timestamp)} />
            </span>
          </p>
        </li>
      ))}
    </ol>
  );
}
