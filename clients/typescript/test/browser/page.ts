// What the page under test can do; the test calls it from outside.
import { connect, records, TesseraError, webStore } from "@tessera/client";
import type { Tessera } from "@tessera/client";
import { AccountType } from "@tessera/client/crm";

const tokens = webStore();
let tessera: Tessera | undefined;
let exchanges = 0;
const heard: string[] = [];
const stop = new AbortController();
let stopped = false;

/** Counts the exchanges of this tab: what leaves a page is best seen at the page's own fetch. */
const realFetch = globalThis.fetch;
globalThis.fetch = (input, init) => {
  if (input instanceof Request ? input.url.includes("RefreshToken") : input.toString().includes("RefreshToken")) {
    exchanges += 1;
  }
  return realFetch(input, init);
};

function suite(): Tessera {
  if (!tessera) throw new Error("call open first");
  return tessera;
}

const page = {
  open(baseUrl: string) {
    tessera = connect({ baseUrl, tokens });
  },
  async signUp(slug: string, email: string, password: string) {
    await suite().signUp({ companyName: "Nordwind GmbH", slug, email, password, baseCurrency: "EUR" });
  },
  async create(displayName: string) {
    const account = { displayName, type: AccountType.CUSTOMER };
    return (await suite().crm.accounts.createAccount({ account })).id;
  },
  async names() {
    const names: string[] = [];
    for await (const account of records(suite().crm.accounts.listAccounts, { pageSize: 2 })) {
      names.push(account.displayName);
    }
    return names;
  },
  async failure(displayName: string) {
    try {
      await suite().crm.accounts.createAccount({ account: { displayName } });
    } catch (error) {
      if (error instanceof TesseraError) {
        const { code, reason, domain, violations } = error;
        return { code, reason, domain, violations };
      }
    }
    throw new Error("the call did not fail as it should");
  },
  async firstEvent() {
    for await (const event of suite().events({ types: ["account.*"], backlog: 1000 })) return event.eventType;
    return undefined;
  },
  /** Notes from now on which accounts are created, as heard at another address; true once it has begun. */
  listen(baseUrl: string) {
    const events = connect({ baseUrl, tokens });
    return new Promise<boolean>((begun, failed) => {
      const onCursor = () => {
        begun(true);
      };
      const note = async () => {
        for await (const { data } of events.events({ types: ["account.created"], onCursor, signal: stop.signal })) {
          heard.push(data?.["entityId"] as string);
        }
        stopped = true;
      };
      note().catch(failed);
    });
  },
  heard() {
    return heard;
  },
  /** Ends the listening, and tells whether it has ended. */
  stop() {
    stop.abort();
    return stopped;
  },
  /** Lets the tokens look as if their time had come. */
  async expire() {
    const kept = await tokens.load();
    if (!kept) throw new Error("nobody is signed in");
    await tokens.save({ ...kept, renewAt: 0 });
  },
  /** Makes many calls at once and tells how many exchanges this tab has made for them. */
  async rush(calls: number) {
    exchanges = 0;
    await Promise.all(Array.from({ length: calls }, () => suite().identity.auth.getCurrentUser({})));
    return exchanges;
  },
  async signedIn() {
    return (await suite().identity.auth.getCurrentUser({})).user?.email;
  },
  async logout() {
    await suite().logout();
    return tokens.load();
  },
};

export type Page = typeof page;
Object.assign(globalThis, { page });
