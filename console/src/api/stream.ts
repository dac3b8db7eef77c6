// One stream of events per tab. What it tells of makes the answers old that showed it.
import { follow } from "@client/events";
import type { EventEnvelope } from "@client/gen/erp/v1/event_pb";
import type { EventLogService } from "@client/gen/erp/ops/v1/event_log_pb";
import type { Model } from "../schema/model";
import { EVENT_LOG, listeners } from "./live";
import { client } from "./wire";
import { tellChanges } from "./changes";
import { touchedBy } from "./touched";
import type { Touched } from "./touched";

const PAUSE_MS = 15_000;
/** What comes close together is handled together. */
const GATHER_MS = 250;

export async function watch(model: Model, signal: AbortSignal): Promise<void> {
  const changed = new Gatherer(model);
  let cursor = "";
  while (!signal.aborted) {
    try {
      const events = follow(client<typeof EventLogService>(EVENT_LOG), {
        cursor,
        signal,
        onCursor: (next) => {
          cursor = next;
        },
      });
      for await (const event of events) {
        changed.note(event);
        listeners.forEach((listener) => listener(event));
      }
    } catch {
      // The log is not to be had now; the pages work without it and it is asked for again.
    }
    await new Promise((wake) => setTimeout(wake, PAUSE_MS));
  }
}

/** Full names and ids of what changed since the last time the queries were told. */
class Gatherer {
  readonly #touched = new Map<string, Set<string>>();
  readonly #of: (event: EventEnvelope) => Touched;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(model: Model) {
    this.#of = touchedBy(model);
  }

  note(event: EventEnvelope): void {
    const touched = this.#of(event);
    for (const [typeName, ids] of touched) {
      const before = this.#touched.get(typeName);
      // None by name means any of them, which one more does not narrow down.
      const any = ids.size === 0 || before?.size === 0;
      this.#touched.set(typeName, any ? new Set() : new Set([...(before ?? []), ...ids]));
    }
    if (touched.size > 0) this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  #tell(): void {
    this.#timer = undefined;
    const touched = new Map(this.#touched);
    this.#touched.clear();
    tellChanges(touched);
  }
}
