// The cells of a field in a file for spreadsheets: values that programs read, and names that people read.
import { amount, dateText } from "@client/values";
import type { Date as CivilDate } from "@client/gen/google/type/date_pb";
import type { Money } from "@client/gen/google/type/money_pb";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { msOf } from "../format/time";
import type { FieldModel } from "../schema/fields";
import { isUnset, textOf } from "./text";
import type { Writing } from "./text";

/** What the ids of a field are called; undefined where the field has no ids of records. */
export type TitleOf = (field: FieldModel) => ((id: string) => string) | undefined;

/** An amount has a column for its number and one for its currency, a reference one for its title and one for its id. */
export function headings(field: FieldModel, text: string, titles: TitleOf): string[] {
  if (field.kind === "money" && field.shape === "single") return [text, `${text} (ISO 4217)`];
  return titles(field) ? [text, `${text} (id)`] : [text];
}

export function cells(field: FieldModel, value: unknown, writing: Writing, titles: TitleOf): string[] {
  if (field.kind === "money" && field.shape === "single") {
    const money = value as Money | undefined;
    return money ? [amount(money), money.currencyCode] : ["", ""];
  }
  const titleOf = titles(field);
  if (titleOf) {
    const ids = idsIn(field, value);
    return [ids.map(titleOf).join(", "), ids.join(", ")];
  }
  if (isUnset(field, value)) return [""];
  if (field.shape === "single") {
    if (field.kind === "time") return [new Date(msOf(value as Timestamp)).toISOString()];
    if (field.kind === "date") return [dateText(value as CivilDate)];
    if (field.kind === "decimal") return [(value as { value: string }).value];
    if (field.kind === "integer" || field.kind === "number") return [String(value)];
  }
  return [textOf(field, value, writing)];
}

/** The ids that a reference holds, be it one or a list of them. */
export function idsIn(field: FieldModel, value: unknown): readonly string[] {
  if (isUnset(field, value) || field.shape === "map") return [];
  return field.shape === "list" ? (value as string[]) : [String(value)];
}
