import type { CallOptions } from "@connectrpc/connect";

/** A method that answers page by page, such as `tessera.crm.accounts.listAccounts`. */
export type PagedMethod<Request, Page> = (request: Request, options?: CallOptions) => Promise<Page>;

/** What the record of a page is: the element of its one list. */
export type RecordOf<Page> = {
  [Key in Exclude<keyof Page, `$${string}`>]: Page[Key] extends readonly (infer Item)[] ? Item : never;
}[Exclude<keyof Page, `$${string}`>];

/** What all requests and answers of paged methods have. */
type PageRequest = { pageToken?: string };
type PageAnswer = { nextPageToken: string };

/** Asks for page after page, the next one when it is wanted. */
export async function* pages<Request extends PageRequest, Page extends PageAnswer>(
  method: PagedMethod<Request, Page>,
  request: NoInfer<Request>,
  options?: CallOptions,
): AsyncGenerator<Page, void, undefined> {
  let pageToken = request.pageToken ?? "";
  do {
    const page = await method({ ...request, pageToken }, options);
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/** The records of all pages, one by one. */
export async function* records<Request extends PageRequest, Page extends PageAnswer>(
  method: PagedMethod<Request, Page>,
  request: NoInfer<Request>,
  options?: CallOptions,
): AsyncGenerator<RecordOf<Page>, void, undefined> {
  for await (const page of pages(method, request, options)) {
    // The contracts give every page exactly one list.
    const list = Object.entries(page).find(([name, value]) => !name.startsWith("$") && Array.isArray(value));
    yield* (list?.[1] ?? []) as RecordOf<Page>[];
  }
}
