// Calling methods from components.
import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { useQuery } from "@tanstack/react-query";
import type { UseQueryResult } from "@tanstack/react-query";
import type { TesseraError } from "@client/error";
import { client } from "./wire";

type UnaryNames<C> = {
  [Name in keyof C]: C[Name] extends (request: never, options?: never) => Promise<unknown> ? Name : never;
}[keyof C];

type RequestOf<M> = M extends (request: infer Request, ...rest: never[]) => unknown ? Request : never;
type AnswerOf<M> = M extends (...all: never[]) => Promise<infer Answer> ? Answer : never;

/**
 * Asks a method and keeps the answer: `useRpc<typeof ReportService>()("erp.finance.v1.ReportService",
 * "getTrialBalance", {})`. Answers are asked anew when an event tells that one of `touches` has changed.
 */
export function useRpc<S extends DescService>() {
  return useTypedRpc as <Name extends UnaryNames<Client<S>>>(
    service: string,
    method: Name,
    request: RequestOf<Client<S>[Name]>,
    options?: RpcOptions,
  ) => UseQueryResult<AnswerOf<Client<S>[Name]>, TesseraError>;
}

export interface RpcOptions {
  readonly enabled?: boolean;
  /** Full names of the entities whose changes make the answer old. */
  readonly touches?: readonly string[];
  readonly refetchInterval?: number;
}

function useTypedRpc(service: string, method: string, request: object, options: RpcOptions = {}) {
  return useQuery({
    queryKey: ["rpc", service, method, JSON.stringify(request, bigints)],
    queryFn: ({ signal }) => {
      const methods = client(service) as Record<string, (request: object, options: object) => Promise<unknown>>;
      const call = methods[method];
      if (!call) throw new Error(`${service} has no method ${method}`);
      return call(request, { signal });
    },
    meta: { touches: options.touches ?? [] },
    enabled: options.enabled ?? true,
    refetchInterval: options.refetchInterval ?? false,
  });
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
