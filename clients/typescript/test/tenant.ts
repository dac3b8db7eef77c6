// A tenant of its own for each test, so that none sees the records of another.
import { randomUUID } from "node:crypto";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import type { Interceptor } from "@connectrpc/connect";
import { describe, expect, inject } from "vitest";
import { connect, memoryStore, TesseraError } from "../src/index.js";
import type { ConnectOptions, Tessera, Tokens, TokenStore } from "../src/index.js";

export const suiteUrl = inject("suiteUrl");

/** Tests that call the suite; skipped where there is none. */
export const describeSuite = describe.skipIf(suiteUrl === "");

/** A user that may do everything in a tenant of its own. */
export interface Owner {
  readonly tessera: Tessera;
  readonly tokens: TokenStore;
  readonly slug: string;
  readonly email: string;
  readonly password: string;
}

/** Founds a tenant and signs its first user in. */
export async function newOwner(options: ConnectOptions = {}): Promise<Owner> {
  const slug = `t-${randomUUID().slice(0, 30)}`.replace(/-$/, "0");
  const [email, password] = [`owner@${slug}.example`, randomUUID()];
  const tokens = options.tokens ?? memoryStore();
  const tessera = connect({ baseUrl: suiteUrl, ...options, tokens });
  await tessera.signUp({ companyName: "Nordwind GmbH", slug, email, password, baseCurrency: "EUR" });
  return { tessera, tokens, slug, email, password };
}

/** The methods that were called, in order, as they leave the client. */
export function countingTransport(options: { before?: Interceptor } = {}) {
  const calls: { method: string; header: Headers; message: unknown }[] = [];
  const count: Interceptor = (next) => (request) => {
    calls.push({ method: request.method.name, header: request.header, message: request.message });
    return next(request);
  };
  const interceptors = options.before ? [count, options.before] : [count];
  const transport = createGrpcWebTransport({ baseUrl: suiteUrl, interceptors });
  return { transport, calls, of: (name: string) => calls.filter(({ method }) => method === name) };
}

/** The tokens of a signed-in store. */
export async function tokensIn(store: TokenStore): Promise<Tokens> {
  const tokens = await store.load();
  if (!tokens) throw new Error("nobody is signed in");
  return tokens;
}

/** The error that a call ends in; a call that does not fail is a failure. */
export async function failure(call: Promise<unknown>): Promise<TesseraError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(TesseraError);
  return thrown as TesseraError;
}
