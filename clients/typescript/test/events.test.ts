import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, it } from "vitest";
import { connect, memoryStore } from "../src/index.js";
import type { EventOptions, Tessera } from "../src/index.js";
import { BreakableWay } from "./proxy.js";
import { countingTransport, describeSuite, failure, newOwner, suiteUrl, tokensIn } from "./tenant.js";

/** Listens until it is stopped, and notes which records were created. */
function listen(tessera: Tessera, options: Omit<EventOptions, "signal"> = {}) {
  const stop = new AbortController();
  const heard: string[] = [];
  const cursors: string[] = [];
  const onCursor = (cursor: string) => void cursors.push(cursor);
  const events = tessera.events({ types: ["account.created"], onCursor, ...options, signal: stop.signal });
  const over = (async () => {
    for await (const { data } of events) {
      heard.push(data!["entityId"] as string);
    }
  })();
  return {
    heard,
    cursors,
    over,
    /** Resolves when the place to begin at is known: what happens from then on is heard. */
    async begun() {
      await Promise.race([expect.poll(() => cursors.length, { timeout: 30_000 }).toBeGreaterThan(0), over]);
    },
    async until(count: number) {
      await Promise.race([expect.poll(() => heard.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(count), over]);
    },
    async stop() {
      stop.abort();
      await over;
    },
  };
}

/** Creates so many accounts, one after the other, and tells their ids. */
async function create({ crm }: Tessera, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    ids.push((await crm.accounts.createAccount({ account: { displayName: "Nordwind" } })).id);
  }
  return ids;
}

describeSuite("events", () => {
  it("come as they happen, and go on from a cursor", async () => {
    // What happens to a record while somebody listens is heard in order; a cursor leaves out what was handled.
    const { tessera } = await newOwner();
    const { crm } = tessera;
    const heard: string[] = [];
    let cursor = "";
    const change = async () => {
      const { id } = await crm.accounts.createAccount({ account: { displayName: "a" } });
      await crm.accounts.updateAccount({ account: { id, displayName: "b" } });
      return id;
    };
    let id: string | undefined;
    const listen = async (count: number) => {
      const stop = new AbortController();
      const onCursor = async (next: string) => {
        cursor = next;
        id ??= await change();
        if (heard.length >= count) stop.abort();
      };
      const from = cursor === "" ? {} : { cursor };
      for await (const event of tessera.events({ types: ["account.*"], signal: stop.signal, onCursor, ...from })) {
        heard.push(event.eventType);
      }
    };
    await listen(2);
    expect(heard).toEqual(["account.created", "account.updated"]);
    await crm.accounts.deleteAccount({ id: id! });
    await listen(3);
    expect(heard[2]).toBe("account.deleted");
  });

  it("are one stream, which no question repeats", async () => {
    // Ten events, half of them from before, are heard by one call.
    const { transport, of } = countingTransport();
    const { tessera } = await newOwner({ transport });
    const created = await create(tessera, 5);
    const before = async () => (await tessera.ops.eventLog.tailEvents({ backlog: 9, types: ["account.*"] })).events;
    await expect.poll(async () => (await before()).length, { timeout: 30_000 }).toBe(5);
    const listener = listen(tessera, { backlog: 5 });
    await listener.until(5);
    created.push(...(await create(tessera, 5)));
    await listener.until(10);
    await listener.stop();
    expect(listener.heard.toSorted()).toEqual(created.toSorted());
    expect(of("WatchEvents")).toHaveLength(1);
    // The backlog has one cursor, each event behind it one of its own.
    expect(listener.cursors).toHaveLength(6);
    expect(new Set(listener.cursors).size).toBe(6);
  });

  it("can be taken up at any cursor, and none is lost or doubled", async () => {
    // From behind event n exactly the ones after n are heard, for every n.
    const { tessera } = await newOwner();
    const first = listen(tessera);
    await first.begun();
    const created = await create(tessera, 6);
    await first.until(6);
    await first.stop();
    expect(first.heard.toSorted()).toEqual(created.toSorted());
    expect(first.cursors).toHaveLength(7);
    const order = first.heard;
    for (const [at, cursor] of first.cursors.entries()) {
      const next = listen(tessera, { cursor });
      order.push(...(await create(tessera, 1)));
      await next.until(order.length - at);
      await next.stop();
      expect(next.heard.toSorted()).toEqual(order.slice(at).toSorted());
    }
  });

  for (const [protocol, transportOf] of [
    ["gRPC-Web", undefined],
    ["gRPC", (baseUrl: string) => createGrpcTransport({ baseUrl })],
  ] as const) {
    it(`survive broken connections over ${protocol}`, async () => {
      // Events that happen while there is no connection are heard afterwards, once each.
      const { tessera, tokens } = await newOwner();
      const way = await BreakableWay.to(suiteUrl);
      try {
        const at = transportOf ? { transport: transportOf(way.url) } : { baseUrl: way.url };
        const listener = listen(connect({ ...at, tokens }));
        await listener.begun();
        const created: string[] = [];
        for (let round = 0; round < 5; round++) {
          created.push(...(await create(tessera, 2)));
          // Sometimes nothing has arrived yet when it breaks.
          if (round % 2 === 0) await listener.until(created.length);
          if (round === 3) way.close();
          else way.cut();
          created.push(...(await create(tessera, 2)));
          way.reopen();
        }
        await listener.until(created.length);
        await listener.stop();
        expect(listener.heard.toSorted()).toEqual(created.toSorted());
        expect(way.connections).toBeGreaterThan(2);
      } finally {
        await way.remove();
      }
    });
  }

  it("end at once when the signal aborts or the loop is left, and leave nothing open", async () => {
    // An iteration that waits, one that pauses between two attempts, and one that is left all end their connection.
    const { tessera, tokens } = await newOwner();
    const way = await BreakableWay.to(suiteUrl);
    try {
      const through = connect({ baseUrl: way.url, tokens });
      const waiting = listen(through);
      await waiting.begun();
      expect(way.open).toBe(1);
      await waiting.stop();
      await expect.poll(() => way.open, { timeout: 10_000 }).toBe(0);

      await create(tessera, 1);
      for await (const event of through.events({ types: ["account.*"], backlog: 1000 })) {
        expect(event.eventType).toBe("account.created");
        break;
      }
      await expect.poll(() => way.open, { timeout: 10_000 }).toBe(0);
      for await (const { cursor } of through.ops.eventLog.watchEvents({})) {
        expect(cursor).not.toBe("");
        break;
      }
      await expect.poll(() => way.open, { timeout: 10_000 }).toBe(0);

      const pausing = listen(through);
      await pausing.begun();
      const before = way.connections;
      way.close();
      await expect.poll(() => way.connections, { timeout: 10_000 }).toBeGreaterThan(before + 1);
      await pausing.stop();
      expect(pausing.heard).toEqual([]);
    } finally {
      await way.remove();
    }
  });

  it("renew a token that the server refuses", async () => {
    // The refusal comes in the place of the first message; the caller sees nothing of it.
    const { transport, of } = countingTransport();
    const { tessera, tokens } = await newOwner({ transport });
    const kept = await tokensIn(tokens);
    await tokens.save({ ...kept, accessToken: `${kept.accessToken.slice(0, -8)}AAAAAAAA` });
    const listener = listen(tessera);
    await listener.begun();
    const created = await create(tessera, 1);
    await listener.until(1);
    await listener.stop();
    expect(listener.heard.toSorted()).toEqual(created.toSorted());
    expect([of("WatchEvents").length, of("RefreshToken").length]).toEqual([2, 1]);
  });

  it("fail typed for a caller without the permission, without a session and without a server", async () => {
    // What no repetition mends is thrown at the first time.
    const { tessera, slug } = await newOwner();
    const [email, password] = [`clerk@${slug}.example`, "a long way to Tipperary"];
    await tessera.identity.users.createUser({ user: { email, displayName: "Clerk" }, password });
    const { transport, of } = countingTransport();
    const clerk = connect({ transport, tokens: memoryStore() });
    const stranger = await failure(clerk.events().next());
    expect([stranger.code, stranger.reason]).toEqual(["UNAUTHENTICATED", "UNAUTHENTICATED"]);
    await clerk.login({ email, password, tenantSlug: slug });
    // Who may not read the log may watch, and hears of what he may read.
    const denied = await failure(clerk.ops.eventLog.tailEvents({}));
    expect([denied.code, denied.reason, denied.domain]).toEqual(["PERMISSION_DENIED", "PERMISSION_MISSING", "erp"]);
    expect(denied.metadata["permission"]).toBe("ops.events.read");
    expect(denied.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(of("WatchEvents")).toHaveLength(1);
    const wrong = await failure(tessera.events({ cursor: "no cursor" }).next());
    expect([wrong.code, wrong.violations.map(({ field }) => field)]).toEqual(["INVALID_ARGUMENT", ["cursor"]]);
    const nowhere = connect({ baseUrl: "http://127.0.0.1:9" });
    expect((await failure(nowhere.events({ cursor: "any" }).next())).code).toBe("UNAVAILABLE");
  });

  it("end with a deadline where the caller gives one", async () => {
    // The method itself takes a deadline like every call, and has none otherwise.
    const { tessera } = await newOwner();
    const messages = tessera.ops.eventLog
      .watchEvents({ types: ["nothing.happens"] }, { timeoutMs: 500 })
      [Symbol.asyncIterator]();
    expect((await messages.next()).done).toBe(false);
    expect((await failure(messages.next())).code).toBe("DEADLINE_EXCEEDED");
  });
});
