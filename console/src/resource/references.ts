// Records that others refer to: asked for one by one by what is on the screen, fetched in one call per type.
import { useQuery } from "@tanstack/react-query";
import { create } from "@bufbuild/protobuf";
import { TesseraError } from "@client/error";
import { invoke } from "../api/wire";
import type { AnyMessage } from "../api/wire";
import { useMe, useModel } from "../app/session";
import { holderOf } from "../schema/model";
import type { Entity } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { getRecord, idOf } from "./records";

const BATCH_MAX = 500;

interface Wish {
  readonly id: string;
  resolve: (record: AnyMessage | null) => void;
  reject: (error: unknown) => void;
}

const wishes = new Map<Entity, Wish[]>();

/** A record by id, together with all others of its type that are asked for in the same moment; null: there is none. */
export function loadReference(entity: Entity, id: string): Promise<AnyMessage | null> {
  return new Promise((resolve, reject) => {
    const waiting = wishes.get(entity);
    if (waiting) waiting.push({ id, resolve, reject });
    else {
      wishes.set(entity, [{ id, resolve, reject }]);
      // One turn of the loop gathers what one rendering asks for.
      setTimeout(() => void flush(entity), 5);
    }
  });
}

async function flush(entity: Entity): Promise<void> {
  const all = wishes.get(entity) ?? [];
  wishes.delete(entity);
  for (let first = 0; first < all.length; first += BATCH_MAX)
    await fetchBatch(entity, all.slice(first, first + BATCH_MAX));
}

async function fetchBatch(entity: Entity, batch: readonly Wish[]): Promise<void> {
  const ids = [...new Set(batch.map(({ id }) => id))];
  try {
    const found = await recordsOf(entity, ids);
    for (const { id, resolve } of batch) resolve(found.get(id) ?? null);
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

async function recordsOf(entity: Entity, ids: readonly string[]): Promise<Map<string, AnyMessage>> {
  const method = entity.methods.batchGet;
  if (method && ids.length > 1) {
    try {
      const answer = await invoke(method, create(method.input, { ids }));
      const holder = holderOf(method.output, entity.desc);
      const records = ((holder && answer[holder.localName]) ?? []) as AnyMessage[];
      return new Map(records.map((record) => [idOf(record), record]));
    } catch (error) {
      // One that is gone fails the whole batch; the others are still wanted.
      if (TesseraError.from(error).code !== "NOT_FOUND") throw error;
    }
  }
  const found = await Promise.all(ids.map((id) => orNull(getRecord(entity, id))));
  return new Map(found.filter((one) => one !== null).map((record) => [idOf(record), record]));
}

async function orNull(record: Promise<AnyMessage>): Promise<AnyMessage | null> {
  try {
    return await record;
  } catch (error) {
    if (TesseraError.from(error).code === "NOT_FOUND") return null;
    throw error;
  }
}

export interface Reference {
  readonly entity: Entity | undefined;
  /** Undefined while it is on its way or where the caller may not read it; null: there is none. */
  readonly record: AnyMessage | null | undefined;
  readonly isComing: boolean;
}

/** What an id refers to, for showing its name. */
export function useReference(typeName: string, id: string): Reference {
  const entity = useModel().entity(typeName);
  const { may } = useMe();
  const allowed = entity && mayCall(may, entity.methods.get) && id !== "";
  const { data, isLoading } = useQuery({
    queryKey: ["record", typeName, id],
    queryFn: () => (entity ? loadReference(entity, id) : null),
    enabled: allowed === true,
    staleTime: 60_000,
  });
  return { entity, record: data, isComing: isLoading };
}
