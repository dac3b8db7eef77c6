// Hearing the tenant's events; the stream itself is fetched behind the first page.
import { useEffect } from "react";
import type { EventEnvelope } from "@client/gen/erp/v1/event_pb";
import type { Model } from "../schema/model";

export const EVENT_LOG = "erp.ops.v1.EventLogService";

type Listener = (event: EventEnvelope) => void;
export const listeners = new Set<Listener>();

/** Hears the tenant's events as they happen, over the tab's one stream. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Keeps the stream as long as the shell is there. Everybody hears of what he may read. */
export function useLiveEvents(model: Model): void {
  const offered = model.registry.getService(EVENT_LOG) !== undefined;
  useEffect(() => {
    if (!offered) return undefined;
    const end = new AbortController();
    void import("./stream").then(({ watch }) => watch(model, end.signal));
    return () => end.abort();
  }, [model, offered]);
}
