// Calls a method that the descriptors name, and tells how it went.
import { toJsonString } from "@bufbuild/protobuf";
import type { DescMethod, DescMethodServerStreaming, Registry } from "@bufbuild/protobuf";
import { TesseraError } from "@client/error";
import { transport } from "../../api/wire";
import type { AnyMessage } from "../../api/wire";
import { isUnary } from "../../schema/model";

export interface Outcome {
  /** `OK`, or the code of the error. */
  readonly status: string;
  readonly ms: number;
  readonly requestId: string;
  readonly error?: TesseraError;
  /** JSON; a stream has several, the newest first. */
  readonly messages: readonly string[];
  readonly running?: boolean;
}

const SHOWN = 50;

/** `tell` is told at the end, and of a stream with each message. */
export async function call(
  method: DescMethod,
  request: AnyMessage,
  registry: Registry,
  signal: AbortSignal,
  tell: (outcome: Outcome) => void,
): Promise<void> {
  const begin = performance.now();
  const messages: string[] = [];
  let requestId = "";
  const outcome = (status: string): Outcome => ({
    status,
    ms: Math.round(performance.now() - begin),
    requestId,
    messages: [...messages],
  });
  const shown = (message: unknown) => toJsonString(method.output, message as AnyMessage, { prettySpaces: 2, registry });
  try {
    if (isUnary(method)) {
      const answer = await transport.unary(method, signal, undefined, undefined, request);
      requestId = answer.header.get("x-request-id") ?? "";
      messages.push(shown(answer.message));
    } else if (method.methodKind === "server_streaming") {
      const answer = await transport.stream(
        method as DescMethodServerStreaming,
        signal,
        undefined,
        undefined,
        one(request) as never,
      );
      requestId = answer.header.get("x-request-id") ?? "";
      for await (const message of answer.message) {
        messages.unshift(shown(message));
        messages.length = Math.min(messages.length, SHOWN);
        tell({ ...outcome("OK"), running: true });
      }
    }
    tell(outcome("OK"));
  } catch (thrown) {
    const error = TesseraError.from(thrown);
    requestId = requestId || error.requestId;
    // Whoever stops a stream has what was wanted.
    tell(signal.aborted ? outcome(messages.length > 0 ? "OK" : "CANCELLED") : { ...outcome(error.code), error });
  }
}

async function* one(request: AnyMessage): AsyncGenerator<AnyMessage> {
  yield request;
  await Promise.resolve();
}
