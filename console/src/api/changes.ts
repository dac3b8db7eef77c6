// What became old, because this tab or somebody else changed it.
import { queries } from "./queries";

/** Ids of changed records by the full name of their entity; an empty set: any of them. */
export type Changes = ReadonlyMap<string, ReadonlySet<string>>;

type Listener = (changes: Changes) => void;
const listeners = new Set<Listener>();

/** Told of changed records, such as to fetch a list anew. */
export function onChanges(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Makes every answer old that may show the changed records. */
export function tellChanges(changes: Changes): void {
  listeners.forEach((listener) => listener(changes));
  void queries.invalidateQueries({
    predicate: ({ queryKey: [kind, typeName, id], meta }) => {
      const names = meta?.["touches"];
      if (Array.isArray(names)) return names.some((name: string) => changes.has(name));
      const ids = typeof typeName === "string" ? changes.get(typeName) : undefined;
      if (!ids) return false;
      return kind !== "record" || ids.size === 0 || ids.has(String(id));
    },
  });
}
