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

/** What came together: one event, or the whole backlog, and the place behind it; none where there is none yet. */
interface Batch {
  readonly events: readonly EventEnvelope[];
  readonly cursor: string;
}

type EventLog = Client<typeof EventLogService>;

interface Wanted {
  readonly types: string[];
  readonly backlog: number;
  readonly cursor: string;
  readonly signal: AbortSignal | undefined;
}

/** A stream that is silent for longer is begun anew: `fetch` sends no pings, so that a connection may die unnoticed. */
const SILENCE_MS = 120_000;
/** The first pause before a stream is begun anew, and the longest; each is up to twice as long, by chance. */
const PAUSE_MS = 100;
const PAUSE_MAX_MS = 10_000;
/** How often in a row a stream that broke is begun anew in vain: for two minutes or so. */
const ATTEMPTS_MAX = 14;
/** A stream that lasted so long was not in vain, even if nothing happened. */
const LASTING_MS = 10_000;

/** The tenant's events until the signal aborts, from one stream after the other. */
export async function* follow(
  log: EventLog,
  { types = [], cursor = "", backlog = 0, signal, onCursor }: EventOptions = {},
): AsyncGenerator<EventEnvelope, void, undefined> {
  let told = cursor;
  for await (const batch of goingOn(log, { types: [...types], cursor, backlog, signal })) {
    let left = batch.events.length;
    for (const event of batch.events) {
      yield event;
      left--;
      if (signal?.aborted && left > 0) return;
    }
    if (batch.cursor !== told) {
      told = batch.cursor;
      await onCursor?.(told);
    }
  }
}

/** Begins the next stream where the last one ended or broke. */
async function* goingOn(log: EventLog, wanted: Wanted): AsyncGenerator<Batch, void, undefined> {
  const { signal } = wanted;
  let { cursor } = wanted;
  for (let [begun, vain] = [false, 0]; !signal?.aborted;) {
    const start = Date.now();
    try {
      for await (const message of streamed(log, { ...wanted, cursor })) {
        begun = true;
        if (signal?.aborted) return;
        if (message.cursor === "") continue;
        if (message.events.length > 0) vain = 0;
        cursor = message.cursor;
        yield message;
      }
    } catch (thrown) {
      if (signal?.aborted) return;
      // What fails from the start is the caller's to know; the transport has sent it again already.
      const isOver = !begun || vain >= ATTEMPTS_MAX || !(thrown instanceof TesseraError);
      if (isOver || thrown.code !== "UNAVAILABLE") throw thrown;
    }
    if (Date.now() - start >= LASTING_MS) vain = 0;
    // Also after a good end: a process that stops ends all its streams in the same moment.
    await pause(Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** vain) * (1 + Math.random()), signal);
    vain++;
  }
}

/** One stream. A backlog is held back until its cursor is there: if the stream breaks before, nothing comes twice. */
async function* streamed(
  log: EventLog,
  { types, backlog, cursor, signal }: Wanted,
): AsyncGenerator<Batch, void, undefined> {
  const request = { types, backlog, cursor };
  const over = new AbortController();
  const ends = signal ? AbortSignal.any([over.signal, signal]) : over.signal;
  const messages = log.watchEvents(request, { signal: ends })[Symbol.asyncIterator]();
  let events: EventEnvelope[] = [];
  try {
    for (;;) {
      const next = await unlessSilent(messages.next(), ends);
      if (!next || next.done) return;
      if (next.value.event) events.push(next.value.event);
      // A message without a cursor says that there is a stream, and nothing to go on from yet.
      if (next.value.cursor === "") yield { events: [], cursor: "" };
      else {
        yield { events, cursor: next.value.cursor };
        events = [];
      }
    }
  } finally {
    // Not waited for: a read that is under way may never end, though the connection is given up.
    over.abort();
    messages.return?.().catch(() => undefined);
  }
}

/** Undefined when nothing came in time, or the signal aborted, of which a read does not always hear. */
async function unlessSilent<T>(next: Promise<T>, ends: AbortSignal): Promise<T | undefined> {
  const heard = new AbortController();
  try {
    return await Promise.race([next, pause(SILENCE_MS, AbortSignal.any([heard.signal, ends]))]);
  } finally {
    heard.abort();
  }
}

/** Waits, unless the signal aborts. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<undefined> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
      resolve(undefined);
    };
    const timer = setTimeout(wake, ms);
    if (signal?.aborted) wake();
    else signal?.addEventListener("abort", wake);
  });
}
