// Filters by AIP-160: conditions that people build, and the text that the server reads.
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { escaped } from "./joined";

export type Operator = "=" | "!=" | ":" | "starts" | "<" | "<=" | ">" | ">=" | "set" | "unset" | "within";

/** One condition; all of a filter hold together. */
export interface Condition {
  /** Field and the way into it, as in `billing_address.locality`. */
  readonly path: string;
  readonly operator: Operator;
  /** As typed: a text, an enum's short name, `true`, `12.50`, `2026-11-21`, a number of days. */
  readonly value: string;
}

/** What can be asked of a field, the usual first. */
export function operatorsFor(field: Pick<FieldModel, "kind" | "shape">): readonly Operator[] {
  if (field.shape === "list") return [":", "set", "unset"];
  if (field.shape === "map") return [":", "set", "unset"];
  switch (field.kind) {
    case "text":
      return [":", "=", "!=", "starts", "set", "unset"];
    case "bool":
      return ["="];
    case "enum":
      return ["=", "!=", "unset"];
    case "reference":
      return ["=", "!=", "set", "unset"];
    case "time":
      return [">=", "<", "within", "set", "unset"];
    case "date":
    case "money":
    case "decimal":
    case "integer":
    case "number":
      return ["=", ">=", "<=", ">", "<", "set", "unset"];
    default:
      return ["set", "unset"];
  }
}

export function needsValue(operator: Operator): boolean {
  return operator !== "set" && operator !== "unset";
}

/** The text of a filter, in which every value is quoted so that it cannot say more than a value. */
export function filterText(conditions: readonly Condition[]): string {
  return conditions
    .filter(({ operator, value, path }) => path !== "" && (!needsValue(operator) || value !== ""))
    .map(({ path, operator, value }) => {
      switch (operator) {
        case "set":
          return `${path}:*`;
        case "unset":
          return `NOT ${path}:*`;
        case "starts":
          return `${path} = "${escaped(value)}*"`;
        case "within":
          return `${path} > daysAgo(${/^\d+$/.test(value) ? value : "0"})`;
        case ":":
          return `${path}:${literal(value)}`;
        default:
          return `${path} ${operator} ${literal(value)}`;
      }
    })
    .join(" AND ");
}

/** Words and numbers stand as they are; everything else is quoted. */
function literal(value: string): string {
  const isPlain = /^(-?\d+(\.\d+)?|[A-Za-z_][A-Za-z0-9_]*|\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?)$/.test(value);
  return isPlain && !/^(AND|OR|NOT)$/.test(value) ? value : `"${escaped(value)}"`;
}

/** Asks for every word in one of the fields that make up the name; undefined where the server cannot be asked for it. */
export function nameFilter(
  { methods, titleFields }: Pick<Entity, "methods" | "titleFields">,
  words: string,
): string | undefined {
  const filters = methods.list?.input.fields.some(({ name }) => name === "filter") === true;
  if (!filters || titleFields.length === 0 || titleFields.some(({ kind }) => kind !== "text")) return undefined;
  return words
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      const either = titleFields.map(({ name }) => filterText([{ path: name, operator: ":", value: word }]));
      return either.length > 1 ? `(${either.join(" OR ")})` : either.join("");
    })
    .join(" AND ");
}

/** The conditions that a text is made of; undefined when it says more than conditions can show. */
export function conditionsOf(text: string): readonly Condition[] | undefined {
  const conditions: Condition[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const [whole, not, path = "", sign = "", raw = ""] = CONDITION.exec(rest) ?? [];
    if (whole === undefined) return undefined;
    const condition = conditionOf(path, sign, raw, not !== undefined);
    if (!condition) return undefined;
    conditions.push(condition);
    rest = rest.slice(whole.length).trim();
    if (rest === "") break;
    const and = /^AND\s+/.exec(rest);
    if (!and) return undefined;
    rest = rest.slice(and[0].length);
    if (rest === "") return undefined;
  }
  return conditions;
}

const CONDITION =
  /^(NOT\s+)?([a-z][a-z0-9_]*(?:\.[A-Za-z0-9_]+)*)\s*(<=|>=|!=|=|<|>|:)\s*("(?:[^"\\]|\\.)*"|daysAgo\(\d+\)|\*|[^\s()"*]+)(?=\s|$)/;

function conditionOf(path: string, sign: string, raw: string, not: boolean): Condition | undefined {
  if (raw === "*") return sign === ":" ? { path, operator: not ? "unset" : "set", value: "" } : undefined;
  if (not) return undefined;
  const days = /^daysAgo\((\d+)\)$/.exec(raw)?.[1];
  if (days !== undefined) return sign === ">" ? { path, operator: "within", value: days } : undefined;
  const quoted = raw.startsWith('"');
  const inner = quoted ? raw.slice(1, -1) : raw;
  const starts = quoted && sign === "=" && /(^|[^\\])(\\\\)*\*$/.test(inner);
  const body = starts ? inner.slice(0, -1) : inner;
  // A star in any other place is a wildcard that conditions do not show.
  if (/(^|[^\\])(\\\\)*\*/.test(body)) return undefined;
  const value = quoted ? body.replace(/\\(.)/g, "$1") : body;
  return { path, operator: starts ? "starts" : (sign as Operator), value };
}
