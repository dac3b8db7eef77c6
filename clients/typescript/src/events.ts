import type { Client } from "@connectrpc/connect";
import { TesseraError } from "./error.js";
import type { EventEnvelope } from "./gen/erp/v1/event_pb.js";
import type { EventLogService } from "./gen/erp/ops/v1/event_log_pb.js";

/** Which events, and from where on. */
export interface EventOptions {
  /** Types wanted, such as `order.completed` or `order.*`; absent: all. */
  readonly types?: readonly string[];
  /** A cursor that `onCursor` was told; absent: from now on. */
  readonly cursor?: string;
  /** Without a cursor: how many of the newest events to begin with, up to 1,000. */
  readonly backlog?: number;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
  /** Told, once the events before it were handled, where a later iteration can go on. */
  readonly onCursor?: (cursor: string) => void | Promise<void>;
}

/** How long the server holds a question that has no answer yet; shorter than what proxies commonly allow. */
const WAIT_MS = 25_000;

/** Asks for the next events whenever the last ones were handled. */
export async function* follow(
  log: Client<typeof EventLogService>,
  options: EventOptions = {},
): AsyncGenerator<EventEnvelope, void, undefined> {
  const { backlog = 0, signal, onCursor } = options;
  const types = [...(options.types ?? [])];
  let cursor = options.cursor ?? "";
  while (!signal?.aborted) {
    try {
      // Without a cursor the first answer must not wait: a cursor is what keeps later events from being missed.
      const waitMs = cursor === "" ? 0 : WAIT_MS;
      const answer = await log.tailEvents({ cursor, types, backlog, waitMs }, callOptions(signal));
      yield* answer.events;
      cursor = answer.nextCursor;
    } catch (thrown) {
      if (signal?.aborted && thrown instanceof TesseraError && thrown.code === "CANCELLED") return;
      throw thrown;
    }
    await onCursor?.(cursor);
  }
}

function callOptions(signal: AbortSignal | undefined) {
  return { timeoutMs: WAIT_MS + 15_000, ...(signal && { signal }) };
}
