import { Code, ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code as StatusCodes } from "./gen/google/rpc/code_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import type { reasons } from "./gen/reasons.js";

/** How long to wait where the server gives no advice. */
const RETRY_MS = 100;

/** The name of a gRPC status code, such as `NOT_FOUND`. */
export type StatusCode = keyof typeof StatusCodes;

/** Why a call failed, by contract, such as `STALE_ETAG`; a newer server may know more of them. */
export type Reason = (typeof reasons)[keyof typeof reasons][number] | (string & {});

/** Who gives a reason: `erp` for the engine, `erp.<domain>` for the rules of a domain. */
export type ReasonDomain = keyof typeof reasons | (string & {});

/** A field of the request that breaks a rule. */
export interface Violation {
  /** Path of the field in the request, such as `contact.emails[0]`. */
  readonly field: string;
  /** What is wrong with it, for a person. */
  readonly description: string;
  /** The id of the rule, such as `string.min_len`, for whoever says it in words of their own; empty: none. */
  readonly rule: string;
}

/** Every failed call ends in this error. */
export class TesseraError extends Error {
  override readonly name = "TesseraError";
  /** The gRPC status code by name. */
  readonly code: StatusCode;
  /** The reason by contract; empty when a proxy or the network failed and not Tessera. */
  readonly reason: Reason;
  /** Who gives the reason; empty where there is none. */
  readonly domain: ReasonDomain;
  /** What else the reason says, such as the missing permission. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields of the request that break a rule. */
  readonly violations: readonly Violation[];
  /** Finds the call in the logs of the server: the `x-request-id` that was sent with it. */
  readonly requestId: string;
  /** How long to wait before the same call is sent again, in milliseconds; absent: sending it again is of no use. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    fields: Partial<Omit<TesseraError, keyof Error>> & { code: StatusCode },
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = fields.code;
    this.reason = fields.reason ?? "";
    this.domain = fields.domain ?? "";
    this.metadata = fields.metadata ?? {};
    this.violations = fields.violations ?? [];
    this.requestId = fields.requestId ?? "";
    this.retryAfterMs = fields.retryAfterMs;
  }

  /** Reads what a transport threw. */
  static from(thrown: unknown, requestId = ""): TesseraError {
    if (thrown instanceof TesseraError) return thrown;
    const error = ConnectError.from(thrown);
    const [info] = error.findDetails(ErrorInfoSchema);
    const violations = error.findDetails(BadRequestSchema).flatMap((one) => one.fieldViolations);
    const unreachable = isUnreachable(error);
    const code = unreachable ? "UNAVAILABLE" : nameOf(error.code);
    return new TesseraError(
      unreachable ? "the server cannot be reached" : error.rawMessage,
      {
        code,
        reason: info?.reason ?? "",
        domain: info?.domain ?? "",
        metadata: info?.metadata ?? {},
        violations: violations.map(({ field, description, reason }) => ({ field, description, rule: reason })),
        requestId,
        retryAfterMs: retryAfter(error, code, info?.reason ?? ""),
      },
      thrown,
    );
  }
}

/** Connect numbers the codes as gRPC does, and google.rpc.Code has their names. */
function nameOf(code: Code): StatusCode {
  return (StatusCodes as unknown as Record<number, StatusCode | undefined>)[code] ?? "UNKNOWN";
}

/**
 * Whether there was no answer, or only the beginning of one. `fetch` then rejects with a TypeError, which Connect calls
 * an unknown error; Node.js names what happened to its sockets by texts such as `ECONNRESET`, which Connect puts down to
 * one status or another.
 */
function isUnreachable({ code, cause }: ConnectError): boolean {
  if (!(cause instanceof Error)) return false;
  return (code === Code.Unknown && cause instanceof TypeError) || ("code" in cause && typeof cause.code === "string");
}

/** The server's own advice says when, but not whether: it comes with a stale etag, too, which no repetition mends. */
function retryAfter(error: ConnectError, code: StatusCode, reason: string): number | undefined {
  if (code !== "UNAVAILABLE" && !(code === "ABORTED" && reason === "CONFLICT")) return undefined;
  const [advice] = error.findDetails(RetryInfoSchema);
  return advice?.retryDelay ? durationMs(advice.retryDelay) : RETRY_MS;
}
