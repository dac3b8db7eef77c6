import type { CallOptions } from "@connectrpc/connect";

/** A method of which the server streams the answer. */
export type StreamingMethod<Request = unknown, Message = unknown> = (
  request: Request,
  options?: CallOptions,
) => AsyncIterable<Message>;

/** Ends a stream when its reader leaves the loop; Connect's own goes on until the server ends it or a signal aborts. */
export function endsWithItsReader<Request, Message>(
  method: StreamingMethod<Request, Message>,
): StreamingMethod<Request, Message> {
  return (request, options) => {
    const end = new AbortController();
    const given = options?.signal;
    const abort = () => {
      end.abort(given?.reason);
    };
    if (given?.aborted) abort();
    else given?.addEventListener("abort", abort);
    const over = () => given?.removeEventListener("abort", abort);
    const messages = method(request, { ...options, signal: end.signal })[Symbol.asyncIterator]();
    const iterator: AsyncIterator<Message, void> = {
      async next() {
        try {
          const next = await messages.next();
          if (next.done) over();
          return next;
        } catch (error) {
          over();
          throw error;
        }
      },
      return() {
        over();
        end.abort();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    return { [Symbol.asyncIterator]: () => iterator };
  };
}
