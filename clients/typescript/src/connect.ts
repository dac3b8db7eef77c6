import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { Client, Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { TesseraError } from "./error.js";
import { endsWithItsReader } from "./streams.js";
import type { StreamingMethod } from "./streams.js";
import { follow } from "./events.js";
import type { EventOptions } from "./events.js";
import type { EventEnvelope } from "./gen/erp/v1/event_pb.js";
import { AuthService } from "./gen/erp/identity/v1/auth_pb.js";
import type {
  LoginRequestSchema,
  LoginResponse,
  SignUpRequestSchema,
  SignUpResponse,
  TokenPair,
} from "./gen/erp/identity/v1/auth_pb.js";
import { services } from "./gen/services.js";
import { Session } from "./session.js";
import { memoryStore } from "./token-store.js";
import type { TokenStore } from "./token-store.js";
import { tesseraTransport } from "./transport.js";

/** Where a suite is, and how to call it. */
export interface ConnectOptions {
  /** The gateway's address, such as `https://erp.example.com`; calls go there as gRPC-Web. */
  readonly baseUrl?: string;
  /** Another way to the gateway in the place of `baseUrl`, such as `createGrpcTransport` of @connectrpc/connect-node. */
  readonly transport?: Transport;
  /** Where tokens are kept; by default as long as the program lives. */
  readonly tokens?: TokenStore;
  /** Told when the server has ended the session, so that a page can ask for the password. */
  readonly onSignedOut?: (error: TesseraError) => void;
  /** How often a call that failed in passing is sent again: 2 by default, 0 for never. */
  readonly retries?: number;
  /** How long a call may take, all its attempts together, in milliseconds: 30,000 by default. Streams have no end. */
  readonly timeoutMs?: number;
}

/** A client for each service, by domain and collection: `tessera.crm.accounts`. */
export type Services = {
  readonly [Domain in keyof typeof services]: {
    readonly [Collection in keyof (typeof services)[Domain]]: (typeof services)[Domain][Collection] extends DescService
      ? Client<(typeof services)[Domain][Collection]>
      : never;
  };
};

/** A suite, as one user sees it. */
export interface Tessera extends Services {
  /** Founds a tenant and signs its first user in. */
  signUp(request: MessageInitShape<typeof SignUpRequestSchema>): Promise<SignUpResponse>;
  /** Signs in; from then on every call carries the user's token, which renews itself. */
  login(request: MessageInitShape<typeof LoginRequestSchema>): Promise<LoginResponse>;
  /** Ends the session on the server and forgets its tokens. */
  logout(): Promise<void>;
  /** The tenant's events as they happen, until the signal aborts. */
  events(options?: EventOptions): AsyncGenerator<EventEnvelope, void, undefined>;
}

/** Makes the clients of a suite; nothing is sent yet. */
export function connect(options: ConnectOptions): Tessera {
  const signedOut = options.onSignedOut ?? (() => undefined);
  const session = new Session(
    options.tokens ?? memoryStore(),
    async (refreshToken) => given((await auth.refreshToken({ refreshToken })).tokens),
    signedOut,
  );
  const transport = tesseraTransport(options.transport ?? webTransport(options.baseUrl), {
    session,
    retries: options.retries ?? 2,
    timeoutMs: options.timeoutMs ?? 30_000,
  });
  const auth = createClient(AuthService, transport);
  const clients = clientsOf(transport);
  return {
    ...clients,
    async signUp(request) {
      const response = await auth.signUp(request);
      await session.begin(given(response.tokens));
      return response;
    },
    async login(request) {
      const response = await auth.login(request);
      await session.begin(given(response.tokens));
      return response;
    },
    async logout() {
      const refreshToken = await session.refreshToken();
      try {
        if (refreshToken !== undefined) await auth.logout({ refreshToken });
      } finally {
        await session.end();
      }
    },
    events: (how) => follow(clients.ops.eventLog, how),
  };
}

function webTransport(baseUrl: string | undefined): Transport {
  if (baseUrl === undefined) throw new TypeError("connect needs a baseUrl or a transport");
  return createGrpcWebTransport({ baseUrl, fetch: endingFetch });
}

/**
 * Ends an answer with its signal. Node.js holds the signal of a running answer weakly: once that is collected, an abort
 * would neither wake who waits for the next message nor close the connection.
 */
const endingFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (!response.body || !init?.signal) return response;
  const { status, statusText, headers } = response;
  const body = response.body.pipeThrough(new TransformStream(), { signal: init.signal });
  return new Response(body, { status, statusText, headers });
};

function clientsOf(transport: Transport): Services {
  const domains = Object.entries(services).map(([domain, collections]) => {
    const clients = Object.entries(collections).map(([name, service]: [string, DescService]) => [
      name,
      clientOf(service, transport),
    ]);
    return [domain, Object.fromEntries(clients)] as const;
  });
  return Object.fromEntries(domains) as Services;
}

function clientOf(service: DescService, transport: Transport) {
  const client = createClient(service, transport) as Record<string, unknown>;
  for (const { methodKind, localName } of service.methods) {
    if (methodKind !== "server_streaming") continue;
    client[localName] = endsWithItsReader(client[localName] as StreamingMethod);
  }
  return client;
}

/** An answer of the auth service always has tokens; one without them comes from something else. */
function given(tokens: TokenPair | undefined): TokenPair {
  if (!tokens) throw new TesseraError("the answer has no tokens", { code: "INTERNAL" });
  return tokens;
}
