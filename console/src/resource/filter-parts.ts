// A filter taken apart at its ANDs, so that each part can be shown and removed by itself.
import { conditionsOf } from "./filter";
import type { Condition } from "./filter";

export interface Part {
  /** As it stands in the filter. */
  readonly text: string;
  /** One condition, or several of which one must hold; undefined: it says more than conditions can show. */
  readonly conditions: readonly Condition[] | undefined;
}

/** In AIP-160 an OR binds closer than an AND: `a AND b OR c` are the parts `a` and `b OR c`. */
export function partsOf(filter: string): readonly Part[] {
  return splitAt(filter, "AND").map((text) => ({ text, conditions: anyOf(text) }));
}

export function withoutPart(parts: readonly Part[], place: number): string {
  return parts
    .filter((_, at) => at !== place)
    .map(({ text }) => text)
    .join(" AND ");
}

/** Several conditions with OR between them are shown as one where they speak of one field in one way. */
function anyOf(text: string): readonly Condition[] | undefined {
  const inner = /^\((.*)\)$/s.exec(text)?.[1];
  const bare = inner !== undefined && isBalanced(inner) ? inner : text;
  const found = splitAt(bare, "OR").map((one) => conditionsOf(one));
  const conditions = found.flatMap((one) => (one?.length === 1 ? one : []));
  const [first] = conditions;
  if (!first || conditions.length !== found.length) return undefined;
  const alike = conditions.every(({ path, operator }) => path === first.path && operator === first.operator);
  return alike ? conditions : undefined;
}

/** `(a) OR (b)` begins and ends with brackets that are not a pair. */
function isBalanced(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === "(") depth++;
    if (token === ")" && --depth < 0) return false;
  }
  return depth === 0;
}

const TOKENS = /"(?:[^"\\]|\\.)*"|[()]|\s+|[^\s()"]+|"/g;

/** Splits at a word that stands outside of quotes and brackets. */
function splitAt(text: string, word: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === "(") depth++;
    if (token === ")") depth--;
    if (depth === 0 && token === word) parts.push("");
    else parts.push((parts.pop() ?? "") + token);
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}
