import { clone, create, getOption, isMessage, ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
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
      const headers = new Headers(header);
      const requestId = correlate(headers);
      const field = requestIdField(method.input);
      const message = field ? identified(method.input, input, field) : input;
      const repeatable = field !== undefined || isRead(method);
      const deadline = Date.now() + (timeoutMs ?? rules.timeoutMs);
      const send = (authorised: Headers) =>
        inner.unary(method, signal, Math.max(1, deadline - Date.now()), authorised, message, contextValues);
      for (let attempt = 0; ; attempt++) {
        try {
          return await authorised(rules.session, method, headers, signal, send);
        } catch (thrown) {
          const error = TesseraError.from(thrown, requestId);
          const pause = (error.retryAfterMs ?? 0) * 2 ** attempt * (1 + Math.random());
          const again = repeatable && attempt < rules.retries && error.retryAfterMs !== undefined;
          if (!again || Date.now() + pause >= deadline) throw error;
          await unlessAborted(new Promise((wake) => setTimeout(wake, pause)), signal, requestId);
        }
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const headers = new Headers(header);
      const requestId = correlate(headers);
      try {
        const tokens = await tokensFor(rules.session, method, headers, signal);
        const bearer = tokens ? bearing(headers, tokens) : headers;
        const response = await inner.stream(method, signal, timeoutMs, bearer, input, contextValues);
        return { ...response, message: typed(response.message, requestId) };
      } catch (thrown) {
        throw TesseraError.from(thrown, requestId);
      }
    },
  };
}

/** Sends with a token, and once more with a new one when the server no longer takes it. */
async function authorised<T>(
  session: Session | undefined,
  method: DescMethod,
  headers: Headers,
  signal: AbortSignal | undefined,
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
 * Gives a request an id unless it has one, so that sending it again cannot do its work twice. The caller's object is
 * left alone: used for a second call, it must not carry the id of the first.
 */
function identified<I extends DescMessage>(schema: I, input: MessageInitShape<I>, field: DescField): MessageShape<I> {
  const message = isMessage(input, schema) ? clone(schema, input) : create(schema, input);
  const values = message as unknown as Record<string, unknown>;
  if (values[field.localName] === "") values[field.localName] = uuid();
  return message;
}

/** What REST gets with GET changes nothing. */
function isRead(method: DescMethod): boolean {
  return getOption(method, http).pattern.case === "get";
}

async function* typed<T>(messages: AsyncIterable<T>, requestId: string): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (thrown) {
    throw TesseraError.from(thrown, requestId);
  }
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
