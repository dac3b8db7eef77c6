// The way to the gateway: one session, one transport, clients made from the descriptors that it serves.
import type { DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { Client } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import type { AuthService, TokenPair } from "@client/gen/erp/identity/v1/auth_pb";
import { TesseraError } from "@client/error";
import { Session } from "@client/session";
import { tesseraTransport } from "@client/transport";
import { webStore } from "@client/web-store";
import { endsWithItsReader } from "@client/streams";
import type { StreamingMethod } from "@client/streams";
import { loadedRegistry } from "../schema/registry";
import { noteFailure, noteSuccess } from "./reach";

/** Told when the server has ended the session. */
const signedOutListeners = new Set<(error: TesseraError) => void>();

export function onSignedOut(listener: (error: TesseraError) => void): () => void {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

const store = webStore("tessera-console");

export const session = new Session(
  store,
  async (refreshToken) => given((await auth().refreshToken({ refreshToken })).tokens),
  (error) => signedOutListeners.forEach((listener) => listener(error)),
);

/** Every answer, good or bad, tells whether the gateway can be reached. */
const watchingFetch: typeof fetch = async (input, init) => {
  try {
    const response = await fetch(input, init);
    // The gateway answers every call as gRPC-Web; a plain failure comes from what stands before it, because it is gone.
    const isForeign = !(response.headers.get("content-type") ?? "").startsWith("application/grpc-web");
    if (response.status >= 500 && isForeign) throw new TypeError(`the gateway does not answer: ${response.status}`);
    noteSuccess();
    return response;
  } catch (error) {
    if (!init?.signal?.aborted) noteFailure();
    throw error;
  }
};

export const transport = tesseraTransport(createGrpcWebTransport({ baseUrl: "/", fetch: watchingFetch }), {
  session,
  retries: 2,
  timeoutMs: 30_000,
});

const clients = new Map<string, unknown>();

/**
 * The client of a service, by its full name. The types come from the generated sources and cost nothing at run time:
 * `client<typeof ReportService>("erp.finance.v1.ReportService")` with `import type { ReportService }`.
 */
export function client<S extends DescService>(typeName: string): Client<S> {
  let made = clients.get(typeName);
  if (!made) {
    const service = loadedRegistry().getService(typeName);
    if (!service) throw new Error(`the contracts have no service ${typeName}`);
    made = createClient(service, transport);
    const methods = made as Record<string, unknown>;
    for (const { methodKind, localName } of service.methods) {
      if (methodKind !== "server_streaming") continue;
      methods[localName] = endsWithItsReader(methods[localName] as StreamingMethod);
    }
    clients.set(typeName, made);
  }
  return made as Client<S>;
}

export function auth(): Client<typeof AuthService> {
  return client<typeof AuthService>("erp.identity.v1.AuthService");
}

/** A message of a type that is known at run time only; its fields are by their names in TypeScript. */
export type AnyMessage = Message & Record<string, unknown>;

/** Calls a method that the descriptors name. */
export async function invoke(method: DescMethodUnary, request: object, signal?: AbortSignal): Promise<AnyMessage> {
  const response = await transport.unary(method, signal, undefined, undefined, request as Record<string, unknown>);
  return response.message;
}

/** An answer of the auth service always has tokens; one without them comes from something else. */
export function given(tokens: TokenPair | undefined): TokenPair {
  if (!tokens) throw new TesseraError("the answer has no tokens", { code: "INTERNAL" });
  return tokens;
}
