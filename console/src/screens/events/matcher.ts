// Which types of events are wanted.

/** Whether a type is meant by `order.*`, `order.completed` or several of them with commas; nothing means all. */
export function typeMatcher(wanted: string): (type: string) => boolean {
  const patterns = wanted.split(/[\s,]+/).filter(Boolean);
  if (patterns.length === 0) return () => true;
  return (type) =>
    patterns.some((one) =>
      one.endsWith("*") ? type.startsWith(one.slice(0, -1)) : type === one || type.includes(one),
    );
}
