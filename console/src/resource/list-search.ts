/** What a list keeps in its address, so that it can be sent to somebody. */
export interface ListSearch {
  filter?: string;
  q?: string;
  order?: string;
  deleted?: boolean;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function listSearch(search: Record<string, unknown>): ListSearch {
  const [filter, q, order] = [text(search["filter"]), text(search["q"]), text(search["order"])];
  return {
    ...(filter === undefined ? {} : { filter }),
    ...(q === undefined ? {} : { q }),
    ...(order === undefined ? {} : { order }),
    ...(search["deleted"] === true ? { deleted: true } : {}),
  };
}
