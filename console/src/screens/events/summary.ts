// What an event says, in a few words for a line of a list.
import type { JsonObject } from "@bufbuild/protobuf";

const SHOWN = 4;
/** Ids, keys made of them and times tell nobody anything at a glance. */
const DULL = /[0-9a-f]{8}-[0-9a-f]{4}-|^\d{4}-\d{2}-\d{2}T/;
const ENUM = /^[A-Z][A-Z0-9_]+_[A-Z0-9_]+$/;

/** `called` knows the value of an enum by its full name, such as `STOCK_MOVE_KIND_ISSUE`. */
export function summaryOf(data: JsonObject, called: (name: string) => string | undefined): string {
  return Object.values(data)
    .flatMap((value) => (typeof value === "string" || typeof value === "number" ? [String(value)] : []))
    .filter((text) => text !== "" && !DULL.test(text))
    .map((text) => (ENUM.test(text) ? (called(text) ?? text.toLowerCase().replaceAll("_", " ")) : text))
    .slice(0, SHOWN)
    .join(" · ");
}
