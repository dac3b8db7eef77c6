// What cannot be brought about on a real suite: races and failures to the instant.
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import { connect, memoryStore } from "../src/index.js";
import { AccountService } from "../src/gen/domains/crm.js";
import { AuthService } from "../src/gen/domains/identity.js";
import { EventLogService } from "../src/gen/domains/ops.js";
import { failure, tokensIn } from "./tenant.js";

const tokens = { accessToken: "access", refreshToken: "refresh", renewAt: Infinity };

describe("a session that begins while the one before is renewed", () => {
  it("is the one that stays", async () => {
    // The old session's new tokens arrive after the login and must not be kept in its place.
    const answers: (() => void)[] = [];
    const transport = createRouterTransport(({ service }) => {
      service(AuthService, {
        login: () => ({ tokens: { accessToken: "new access", refreshToken: "new refresh" } }),
        refreshToken: async () => {
          await new Promise<void>((answer) => answers.push(answer));
          return { tokens: { accessToken: "old access", refreshToken: "old refresh" } };
        },
      });
      service(AccountService, { listAccounts: () => ({}) });
    });
    const store = memoryStore({ ...tokens, renewAt: 0 });
    const tessera = connect({ transport, tokens: store });
    const call = tessera.crm.accounts.listAccounts({});
    const login = tessera.login({ email: "a@b.example", password: "x" });
    await expect.poll(() => answers.length).toBe(1);
    answers[0]?.();
    await Promise.all([call, login]);
    expect((await tokensIn(store)).refreshToken).toBe("new refresh");
  });
});

describe("a renewal that finds no server", () => {
  it("ends no session", async () => {
    // A broken connection says nothing about the token; the next call tries again and succeeds.
    let down = true;
    const transport = createRouterTransport(({ service }) => {
      service(AuthService, {
        refreshToken: () => {
          if (down) throw new ConnectError("down", Code.Unavailable);
          return { tokens: { accessToken: "next access", refreshToken: "next refresh" } };
        },
      });
      service(AccountService, { listAccounts: () => ({}) });
    });
    const store = memoryStore({ ...tokens, renewAt: 0 });
    const tessera = connect({ transport, tokens: store, retries: 0, onSignedOut: () => expect.fail("signed out") });
    expect((await failure(tessera.crm.accounts.listAccounts({}))).code).toBe("UNAVAILABLE");
    expect((await tokensIn(store)).refreshToken).toBe("refresh");
    down = false;
    await tessera.crm.accounts.listAccounts({});
    expect((await tokensIn(store)).refreshToken).toBe("next refresh");
  });
});

describe("a stream", () => {
  it("carries token and id, fails typed, and is not sent again behind a message", async () => {
    // Its messages come through as they are; an error after some of them is a TesseraError for the caller to go on from.
    let calls = 0;
    const transport = createRouterTransport(({ service }) => {
      service(EventLogService, {
        // eslint-disable-next-line @typescript-eslint/require-await -- a handler of a stream is an async generator
        async *watchEvents(_, { requestHeader }) {
          calls += 1;
          expect(requestHeader.get("authorization")).toBe("Bearer access");
          expect(requestHeader.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
          if (calls === 1) throw new ConnectError("not yet", Code.Unavailable);
          yield { cursor: "one" };
          throw new ConnectError("no more", Code.Unavailable);
        },
      });
    });
    const tessera = connect({ transport, tokens: memoryStore(tokens) });
    const messages = tessera.ops.eventLog.watchEvents({})[Symbol.asyncIterator]();
    expect(await messages.next()).toMatchObject({ done: false, value: { cursor: "one" } });
    const error = await failure(messages.next());
    expect([error.code, error.message]).toEqual(["UNAVAILABLE", "no more"]);
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(calls).toBe(2);
  });

  it("that breaks within its backlog gives that once", async () => {
    // Events without a cursor behind them are held back, so that the second stream can begin with them again.
    const asked: string[] = [];
    const transport = createRouterTransport(({ service }) => {
      service(EventLogService, {
        // eslint-disable-next-line @typescript-eslint/require-await -- a handler of a stream is an async generator
        async *watchEvents({ cursor, backlog }) {
          asked.push(`${cursor} ${String(backlog)}`);
          if (cursor === "") {
            yield {};
            yield { event: { eventId: "first" } };
            if (asked.length === 1) throw new ConnectError("gone", Code.Unavailable);
            yield { event: { eventId: "second" }, cursor: "behind the second" };
            // Ends well, as it does when its time is over.
          } else {
            yield { cursor };
            yield { event: { eventId: "third" }, cursor: "behind the third" };
            throw new ConnectError("no such tenant", Code.NotFound);
          }
        },
      });
    });
    const tessera = connect({ transport, tokens: memoryStore(tokens) });
    const heard: string[] = [];
    const listen = async () => {
      const onCursor = (cursor: string) => void heard.push(cursor);
      for await (const { eventId } of tessera.events({ backlog: 2, onCursor })) heard.push(eventId);
    };
    expect((await failure(listen())).code).toBe("NOT_FOUND");
    expect(heard).toEqual(["first", "second", "behind the second", "third", "behind the third"]);
    expect(asked).toEqual([" 2", " 2", "behind the second 2"]);
  });

  it("of events that has gone silent is begun anew", async () => {
    // A connection that died without a word is noticed by the clock, and given up; nothing is thrown.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const given: AbortSignal[] = [];
      const transport = createRouterTransport(({ service }) => {
        service(EventLogService, {
          async *watchEvents({ cursor }, { signal }) {
            given.push(signal);
            yield { cursor: cursor || "start" };
            if (given.length === 1) await new Promise(() => undefined);
            yield { event: { eventId: "one" }, cursor: "behind one" };
          },
        });
      });
      const tessera = connect({ transport, tokens: memoryStore(tokens) });
      const heard = tessera.events().next();
      await vi.advanceTimersByTimeAsync(100_000);
      expect(given.map(({ aborted }) => aborted)).toEqual([false]);
      await vi.advanceTimersByTimeAsync(25_000);
      expect((await heard).value?.eventId).toBe("one");
      expect(given.map(({ aborted }) => aborted)).toEqual([true, false]);
    } finally {
      vi.useRealTimers();
    }
  });
});
