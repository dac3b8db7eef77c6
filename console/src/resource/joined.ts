// A filter and the words that are searched for, as one filter.

/** A filter together with words to search for. */
export function joined(filter: string, words: string): string {
  const sought = words
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => `"${escaped(word)}"`);
  const parts = [filter.trim() ? (sought.length > 0 ? `(${filter.trim()})` : filter.trim()) : "", ...sought];
  return parts.filter(Boolean).join(" AND ");
}

/** A text as it stands between quotes. */
export function escaped(value: string): string {
  return value.replace(/[\\"*]/g, "\\$&");
}
