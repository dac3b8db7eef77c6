// Records of any entity: getting, listing and changing them by the methods that the descriptors name.
import { useQuery } from "@tanstack/react-query";
import { create } from "@bufbuild/protobuf";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { TesseraError } from "@client/error";
import { invoke } from "../api/wire";
import type { AnyMessage } from "../api/wire";
import { tellChanges } from "../api/changes";
import { queries } from "../api/queries";
import { holderOf } from "../schema/model";
import type { Entity } from "../schema/model";
import type { FieldModel } from "../schema/fields";
import type { Page } from "./page-window";

/** What a list asks for. */
export interface ListQuery {
  readonly filter: string;
  readonly orderBy: string;
  readonly showDeleted: boolean;
}

/** A text of a message whose type is known at run time only; empty where there is none. */
export function textIn(message: AnyMessage, name: string): string {
  const value = message[name];
  return typeof value === "string" ? value : "";
}

export function idOf(record: AnyMessage): string {
  return textIn(record, "id");
}

/** The value of a field; undefined where it is unset or another of its oneof is set. */
export function valueOf(field: FieldModel, message: AnyMessage): unknown {
  if (!field.oneof) return message[field.desc.localName];
  const one = message[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
  return one?.case === field.desc.localName ? one.value : undefined;
}

export async function fetchPage(
  entity: Entity,
  query: ListQuery,
  pageSize: number,
  pageToken: string,
  signal?: AbortSignal,
): Promise<Page<AnyMessage>> {
  const method = need(entity, entity.methods.list);
  const { filter, orderBy, showDeleted } = query;
  const known = new Set(method.input.fields.map(({ name }) => name));
  const answer = await invoke(
    method,
    create(method.input, {
      pageSize,
      pageToken,
      ...(known.has("filter") ? { filter } : {}),
      ...(known.has("order_by") ? { orderBy } : {}),
      ...(known.has("show_deleted") ? { showDeleted } : {}),
    }),
    signal,
  );
  return { rows: rowsOf(entity, method, answer), nextToken: textIn(answer, "nextPageToken") };
}

/** How many records match, up to the 10,001 that the engine counts to. */
export async function countRecords(
  entity: Entity,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const method = need(entity, entity.methods.list);
  const known = new Set(method.input.fields.map(({ name }) => name));
  if (!known.has("show_total_size")) return undefined;
  const { filter, showDeleted } = query;
  const answer = await invoke(
    method,
    create(method.input, {
      pageSize: 1,
      filter,
      showTotalSize: true,
      ...(known.has("show_deleted") ? { showDeleted } : {}),
    }),
    signal,
  );
  return Number(answer["totalSize"] ?? 0);
}

export async function searchRecords(
  entity: Entity,
  query: string,
  pageSize: number,
  signal?: AbortSignal,
): Promise<readonly AnyMessage[]> {
  const method = need(entity, entity.methods.search);
  return rowsOf(entity, method, await invoke(method, create(method.input, { query, pageSize }), signal));
}

function rowsOf(entity: Entity, method: DescMethodUnary, answer: AnyMessage): readonly AnyMessage[] {
  const holder = holderOf(method.output, entity.desc);
  return ((holder && answer[holder.localName]) ?? []) as AnyMessage[];
}

export function getRecord(entity: Entity, id: string, signal?: AbortSignal): Promise<AnyMessage> {
  const method = need(entity, entity.methods.get);
  return invoke(method, create(method.input, { id }), signal);
}

export function useRecord(entity: Entity, id: string) {
  return useQuery<AnyMessage, TesseraError>({
    queryKey: ["record", entity.typeName, id],
    queryFn: ({ signal }) => getRecord(entity, id, signal),
  });
}

/** Puts what the server answered in the place of what was known, and makes the lists old. */
export function keepRecord(entity: Entity, record: AnyMessage): void {
  tellChanges(new Map([[entity.typeName, new Set([idOf(record)])]]));
  queries.setQueryData(["record", entity.typeName, idOf(record)], record);
}

export function forgetRecord(entity: Entity, id: string): void {
  queries.removeQueries({ queryKey: ["record", entity.typeName, id] });
  tellChanges(new Map([[entity.typeName, new Set([id])]]));
}

function need(entity: Entity, method: DescMethodUnary | undefined): DescMethodUnary {
  if (!method) throw new TesseraError(`${entity.typeName} offers no such method`, { code: "UNIMPLEMENTED" });
  return method;
}
