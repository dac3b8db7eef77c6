import { clone, create, getOption, isMessage, ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage, DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { TesseraError } from "./error.js";
import { access } from "./gen/erp/v1/options_pb.js";
import { http } from "./gen/google/api/annotations_pb.js";
import type { Session } from "./session.js";
import type { Tokens } from "./token-store.js";
import { uuid } from "./uuid.js";

/** How calls are made. */
export interface CallRules {
  readonly session: Session | undefined;
  /** How often a call that failed in passing is sent again. */
  readonly retries: number;
  /** How long a call that names no deadline may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** Wraps a transport so that each call carries ids and a token, is sent again where that is safe, and fails typed. */
export function tesseraTransport(inner: Transport, rules: CallRules): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const call = callOf(method, signal, timeoutMs ?? rules.timeoutMs, header);
      const message = identified(method.input, input);
      return persist(rules, call, (headers, leftMs) =>
        inner.unary(method, signal, leftMs, headers, message, contextValues),
      );
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      // How long a stream is to last is for its caller to say.
      const call = callOf(method, signal, timeoutMs, header);
      let open = (headers: Headers, leftMs: number | undefined) =>
        inner.stream(method, signal, leftMs, headers, input, contextValues);
      if (method.methodKind === "server_streaming") {
        const message = identified(method.input, await firstOf(input));
        open = async (headers, leftMs) => {
          const response = await inner.stream(
            method,
            signal,
            leftMs,
            headers,
            createAsyncIterable([message]),
            contextValues,
          );
          return { ...response, message: await begun(response.message) };
        };
      }
      const response = await persist(rules, call, open);
      return { ...response, message: typed(call, response.message) };
    },
  };
}

/** One call, whatever becomes of its attempts. */
interface Call {
  readonly method: DescMethod;
  readonly headers: Headers;
  readonly requestId: string;
  readonly signal: AbortSignal | undefined;
  /** In milliseconds of this machine's clock; infinite where there is none. */
  readonly deadline: number;
}

function callOf(
  method: DescMethod,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  header: HeadersInit | undefined,
): Call {
  const headers = new Headers(header);
  return { method, headers, requestId: correlate(headers), signal, deadline: Date.now() + (timeoutMs ?? Infinity) };
}

/** Sends a call until it succeeds, as often as the rules say and as it is safe. */
async function persist<T>(
  rules: CallRules,
  call: Call,
  send: (headers: Headers, leftMs: number | undefined) => Promise<T>,
): Promise<T> {
  const { deadline, signal, requestId } = call;
  const left = () => (deadline === Infinity ? undefined : Math.max(1, deadline - Date.now()));
  for (let attempt = 0; ; attempt++) {
    try {
      return await authorised(rules.session, call, (headers) => send(headers, left()));
    } catch (thrown) {
      const error = failureOf(call, thrown);
      const pause = (error.retryAfterMs ?? 0) * 2 ** attempt * (1 + Math.random());
      const again = isRepeatable(call.method) && attempt < rules.retries && error.retryAfterMs !== undefined;
      if (!again || Date.now() + pause >= deadline) throw error;
      await unlessAborted(new Promise((wake) => setTimeout(wake, pause)), signal, requestId);
    }
  }
}

/** Sends with a token, and once more with a new one when the server no longer takes it. */
async function authorised<T>(
  session: Session | undefined,
  { method, headers, signal }: Call,
  send: (headers: Headers) => Promise<T>,
): Promise<T> {
  const tokens = await tokensFor(session, method, headers, signal);
  if (!session || !tokens) return send(headers);
  try {
    return await send(bearing(headers, tokens));
  } catch (thrown) {
    if (!isTokenRefused(TesseraError.from(thrown))) throw thrown;
    const next = await unlessAborted(session.replace(tokens), signal);
    if (!next) throw thrown;
    return send(bearing(headers, next));
  }
}

/**
 * Public methods go without a token: logging in must work when the old one cannot be renewed. A caller that brings a
 * token of its own, such as a service's, keeps it.
 */
async function tokensFor(
  session: Session | undefined,
  method: DescMethod,
  headers: Headers,
  signal: AbortSignal | undefined,
): Promise<Tokens | undefined> {
  if (!session || headers.has("authorization") || getOption(method, access).public) return undefined;
  return unlessAborted(session.tokens(), signal);
}

function bearing(headers: Headers, { accessToken }: Tokens): Headers {
  const copy = new Headers(headers);
  copy.set("authorization", `Bearer ${accessToken}`);
  return copy;
}

/** A wrong password, too, is UNAUTHENTICATED, and no new token mends it; a reason of a domain tells them apart. */
function isTokenRefused(error: TesseraError): boolean {
  return error.code === "UNAUTHENTICATED" && (error.domain === "" || error.domain === "erp");
}

/** Names the call for logs; the caller's own name for it is kept. */
function correlate(headers: Headers): string {
  const id = headers.get("x-request-id") ?? uuid();
  headers.set("x-request-id", id);
  return id;
}

function requestIdField(request: DescMessage): DescField | undefined {
  const field = request.fields.find((one) => one.name === "request_id");
  return field?.fieldKind === "scalar" && field.scalar === ScalarType.STRING ? field : undefined;
}

/**
 * Gives a request an id where it can have one and has none, so that sending it again cannot do its work twice. The
 * caller's object is left alone: used for a second call, it must not carry the id of the first.
 */
function identified<I extends DescMessage>(schema: I, input: MessageInitShape<I>): MessageInitShape<I> {
  const field = requestIdField(schema);
  if (!field) return input;
  const message = isMessage(input, schema) ? clone(schema, input) : create(schema, input);
  const values = message as unknown as Record<string, unknown>;
  if (values[field.localName] === "") values[field.localName] = uuid();
  return message;
}

/** Whether a call that may have been carried out can be sent again. */
function isRepeatable(method: DescMethod): boolean {
  const hasOneRequest = method.methodKind === "unary" || method.methodKind === "server_streaming";
  return hasOneRequest && (isRead(method) || requestIdField(method.input) !== undefined);
}

/** What REST gets with GET changes nothing. */
function isRead(method: DescMethod): boolean {
  return getOption(method, http).pattern.case === "get";
}

/** The one request of a server's stream. */
async function firstOf<T>(input: AsyncIterable<T>): Promise<T> {
  for await (const message of input) return message;
  throw new TypeError("a stream needs a request");
}

/** Waits for a stream's first message, because a refusal may come in its place. Once it is there nothing is sent again. */
async function begun<T>(messages: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const rest = messages[Symbol.asyncIterator]();
  const first = await rest.next();
  return (async function* () {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
  })();
}

async function* typed<T>(call: Call, messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (thrown) {
    throw failureOf(call, thrown);
  }
}

/** What a transport threw. Over HTTP/2 Connect calls it cancelled, too, when the connection broke. */
function failureOf({ signal, requestId }: Call, thrown: unknown): TesseraError {
  const error = TesseraError.from(thrown, requestId);
  if (error.code !== "CANCELLED" || signal?.aborted) return error;
  return TesseraError.from(
    new ConnectError("the connection broke", Code.Unavailable, undefined, undefined, thrown),
    requestId,
  );
}

/** Waits for a task that goes on although the caller gives up. */
async function unlessAborted<T>(task: Promise<T>, signal: AbortSignal | undefined, requestId = ""): Promise<T> {
  if (!signal) return task;
  let giveUp = () => {};
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => {
      reject(new TesseraError("the call was aborted", { code: "CANCELLED", requestId }, signal.reason));
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp);
  });
  try {
    return await Promise.race([task, aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
