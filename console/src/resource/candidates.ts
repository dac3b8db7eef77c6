// Records to choose from, of an entity that cannot be searched but listed.
import type { AnyMessage } from "../api/wire";
import type { Entity } from "../schema/model";
import { nameFilter } from "./filter";
import { fetchPage } from "./records";
import { titleOf } from "./text";

/** As many as the server gives at once. */
const PAGE_SIZE = 1000;

/** Those whose name has the words in it, newest first; the newest without words. */
export async function listCandidates(
  entity: Entity,
  words: string,
  count: number,
  locale: string,
  signal: AbortSignal,
): Promise<readonly AnyMessage[]> {
  const filter = words === "" ? "" : nameFilter(entity, words);
  const query = { filter: filter ?? "", orderBy: "id desc", showDeleted: false };
  if (filter !== undefined) return (await fetchPage(entity, query, count, "", signal)).rows;
  const wanted = words.toLowerCase();
  const found: AnyMessage[] = [];
  let token = "";
  do {
    const page = await fetchPage(entity, query, PAGE_SIZE, token, signal);
    found.push(...page.rows.filter((row) => titleOf(entity, row, locale).toLowerCase().includes(wanted)));
    token = page.nextToken;
  } while (token !== "" && found.length < count);
  return found.slice(0, count);
}
