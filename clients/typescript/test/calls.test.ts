import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Interceptor } from "@connectrpc/connect";
import { expect, it, onTestFinished } from "vitest";
import { connect, memoryStore } from "../src/index.js";
import { countingTransport, describeSuite, failure, newOwner, suiteUrl } from "./tenant.js";

/** Loses the answers to the first calls of a method after the server has done its work. */
function losingAnswers(method: string, times: number): Interceptor {
  let left = times;
  return (next) => async (request) => {
    const response = await next(request);
    if (request.method.name === method && left-- > 0) throw new TypeError("the connection broke");
    return response;
  };
}

const requestIdOf = (call: { message: unknown }) => (call.message as { requestId: string }).requestId;

describeSuite("a call", () => {
  it("with the request id of another gets its answer", async () => {
    // The same id is the same call: one record, one answer; with another payload it is refused.
    const { crm } = (await newOwner()).tessera;
    const requestId = randomUUID();
    const create = (displayName: string) => crm.accounts.createAccount({ account: { displayName }, requestId });
    const first = await create("once");
    expect(await create("once")).toEqual(first);
    expect((await failure(create("twice"))).reason).toBe("REQUEST_ID_REUSED");
    expect((await crm.accounts.listAccounts({})).accounts).toEqual([first]);
  });

  it("whose answer is lost is sent again and works once", async () => {
    // The id that the client filled in makes the second sending safe, and the caller sees nothing of it.
    const { transport, of } = countingTransport({ before: losingAnswers("CreateAccount", 2) });
    const { crm } = (await newOwner({ transport })).tessera;
    const account = await crm.accounts.createAccount({ account: { displayName: "once" } });
    const ids = of("CreateAccount").map(requestIdOf);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
    expect((await crm.accounts.listAccounts({})).accounts).toEqual([account]);
  });

  it("made twice with one object is two calls", async () => {
    // The id is filled into a copy: the caller's object stays as it was and can be sent again as a new call.
    const { transport, of } = countingTransport();
    const { crm } = (await newOwner({ transport })).tessera;
    const request = { account: { displayName: "twin" } };
    await crm.accounts.createAccount(request);
    await crm.accounts.createAccount(request);
    expect(request).toEqual({ account: { displayName: "twin" } });
    const [one, two] = of("CreateAccount").map(requestIdOf);
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(two).not.toBe(one);
  });

  it("that may do its work twice is not sent again", async () => {
    // Login takes no request id, and changes something: a lost answer is the caller's to decide about.
    const { email, password } = await newOwner();
    const { transport, of } = countingTransport({ before: losingAnswers("Login", 1) });
    const error = await failure(connect({ transport }).login({ email, password }));
    expect(error.code).toBe("UNAVAILABLE");
    expect(of("Login")).toHaveLength(1);
  });

  it("fails typed when no server is there", async () => {
    // A refused connection is UNAVAILABLE without a reason, after the attempts that were asked for.
    const error = await failure(connect({ baseUrl: "http://127.0.0.1:9" }).identity.auth.getJwks({}));
    expect([error.code, error.reason, error.violations]).toEqual(["UNAVAILABLE", "", []]);
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("ends with its deadline or its signal", async () => {
    // A call to a server that takes it and never answers ends when the caller says so.
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    onTestFinished(() => {
      silent.close().closeAllConnections();
    });
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const { auth } = connect({ baseUrl: `http://127.0.0.1:${String(port)}` }).identity;
    expect((await failure(auth.getJwks({}, { timeoutMs: 300 }))).code).toBe("DEADLINE_EXCEEDED");
    const signal = AbortSignal.timeout(300);
    expect((await failure(auth.getJwks({}, { signal }))).code).toBe("CANCELLED");
  });

  it("goes over HTTP/2 as gRPC, too", async () => {
    // Another transport changes nothing else: tokens, errors and ids are those of the client.
    const transport = createGrpcTransport({ baseUrl: suiteUrl });
    const { tessera } = await newOwner({ transport, tokens: memoryStore() });
    await tessera.crm.accounts.createAccount({ account: { displayName: "over gRPC" } });
    expect((await tessera.crm.accounts.listAccounts({})).accounts).toHaveLength(1);
    const error = await failure(tessera.crm.accounts.createAccount({ account: { displayName: "" } }));
    expect([error.code, error.violations[0]?.field]).toEqual(["INVALID_ARGUMENT", "account.display_name"]);
  });
});
