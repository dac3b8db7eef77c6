// Hearing the tenant's events; the stream itself is fetched when there is somebody who may watch it.
import { useEffect } from "react";
import type { EventEnvelope } from "@client/gen/erp/v1/event_pb";
import type { Model } from "../schema/model";
import type { May } from "../schema/permissions";

export const EVENT_LOG = "erp.ops.v1.EventLogService";

type Listener = (event: EventEnvelope) => void;
export const listeners = new Set<Listener>();

/** Hears the tenant's events as they happen, over the tab's one stream. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Keeps the stream as long as the shell is there, for those who may watch events. */
export function useLiveEvents(model: Model, may: May): void {
  const allowed = may("ops.events.read") && model.registry.getService(EVENT_LOG) !== undefined;
  useEffect(() => {
    if (!allowed) return undefined;
    const end = new AbortController();
    void import("./stream").then(({ watch }) => watch(model, end.signal));
    return () => end.abort();
  }, [model, allowed]);
}
