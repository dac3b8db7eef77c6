// The window over a list that is on the screen.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { AnyMessage } from "../api/wire";
import { onChanges } from "../api/changes";
import { onBack } from "../api/reach";
import type { Entity } from "../schema/model";
import { PageWindow } from "./page-window";
import { countRecords, fetchPage, idOf } from "./records";
import type { ListQuery } from "./records";

export const PAGE_SIZE = 100;
const COUNT_MAX = 10_000;

export interface List {
  readonly window: PageWindow<AnyMessage>;
  /** How many match; undefined while it is counted, and where the engine does not count. */
  readonly total: number | undefined;
  /** True when there are more than can be counted. */
  readonly many: boolean;
  refresh: () => Promise<void>;
}

export function useList(entity: Entity, query: ListQuery): List {
  const window = useMemo(
    () =>
      new PageWindow<AnyMessage>(
        (token, signal) => fetchPage(entity, query, PAGE_SIZE, token, signal),
        PAGE_SIZE,
        idOf,
      ),
    [entity, query],
  );
  useSyncExternalStore(window.subscribe, window.version);
  const { data: counted } = useQuery({
    queryKey: ["list", entity.typeName, "count", query],
    queryFn: async ({ signal }) => (await countRecords(entity, query, signal)) ?? null,
    staleTime: 60_000,
    // A list that is all there is counted by being there; of a longer one, rows come and go out of sight.
    enabled: !window.starting && !window.whole,
  });
  const latest = useRef(window);
  useEffect(() => {
    latest.current = window;
    window.show(0, 0);
    return () => window.close();
  }, [window]);
  useEffect(() => {
    const refresh = () => {
      const now = latest.current;
      if (now.error === undefined) void now.refresh();
      else now.retry();
    };
    const leave = onBack(refresh);
    const unsubscribe = onChanges((changes) => {
      if (changes.has(entity.typeName)) refresh();
    });
    return () => {
      leave();
      unsubscribe();
    };
  }, [entity]);
  const isCounted = !window.whole && typeof counted === "number" && (counted <= COUNT_MAX || !window.complete);
  const total = isCounted ? counted : window.complete ? window.known : undefined;
  return {
    window,
    total: total === undefined ? undefined : Math.min(total, Math.max(COUNT_MAX, window.known)),
    many: !window.complete && total !== undefined && total > COUNT_MAX,
    refresh: () => latest.current.refresh(),
  };
}
