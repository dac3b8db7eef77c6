// What a screen shows becomes old by events that tell of other records than those it shows.
import { useEffect } from "react";
import type { EventEnvelope } from "@client/gen/erp/v1/event_pb";
import { onEvent } from "./live";
import { queries } from "./queries";

/** What comes close together is asked for once. */
const GATHER_MS = 200;

/** Asks the answers of some services anew when an event matches; `matches` must stay the same function. */
export function useLive(services: readonly string[], matches: (event: EventEnvelope) => boolean): void {
  const names = services.join(" ");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer = undefined;
      const wanted = names.split(" ");
      void queries.invalidateQueries({
        predicate: ({ queryKey: [kind, service] }) => kind === "rpc" && wanted.includes(String(service)),
      });
    };
    const stop = onEvent((event) => {
      if (matches(event)) timer ??= setTimeout(refresh, GATHER_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [names, matches]);
}
