// Which rows are selected; another query selects nothing.
import { useMemo, useState } from "react";
import type { ListQuery } from "./records";

export interface Selection {
  readonly ids: ReadonlySet<string>;
  toggle: (id: string) => void;
  set: (ids: Iterable<string>) => void;
}

const NONE: ReadonlySet<string> = new Set();

export function useSelection(query: ListQuery): Selection {
  const [kept, setKept] = useState<{ query: ListQuery; ids: ReadonlySet<string> }>({ query, ids: NONE });
  const ids = kept.query === query ? kept.ids : NONE;
  return useMemo(
    () => ({
      ids,
      toggle: (id) => {
        const next = new Set(ids);
        if (!next.delete(id)) next.add(id);
        setKept({ query, ids: next });
      },
      set: (all) => setKept({ query, ids: new Set(all) }),
    }),
    [ids, query],
  );
}
