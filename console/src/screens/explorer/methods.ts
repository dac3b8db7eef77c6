// What the descriptors say of methods, beyond what the generated pages need.
import { getOption } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, FileRegistry } from "@bufbuild/protobuf";
import { access, rate } from "@client/gen/erp/v1/options_pb";
import { http } from "@client/gen/google/api/annotations_pb";

/** All methods that a caller can reach, by service and in the order of the contracts. */
export function methodsOf(registry: FileRegistry): readonly DescMethod[] {
  const services = [...registry]
    .filter((type) => type.kind === "service")
    .filter(({ typeName }) => typeName.startsWith("erp."));
  services.sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
  return services.flatMap(({ methods }) => methods);
}

export function isPublic(method: DescMethod): boolean {
  return getOption(method, access).public;
}

/** How often one caller may call it: `20` in `60` seconds; undefined: no limit of its own. */
export function limitOf(method: DescMethod): { calls: number; seconds: number } | undefined {
  const { callerLimit, tenantLimit, windowSeconds } = getOption(method, rate);
  const calls = callerLimit || tenantLimit;
  return calls > 0 ? { calls, seconds: windowSeconds } : undefined;
}

export interface Rest {
  readonly verb: string;
  /** `/api/v1/accounts/{id}`. */
  readonly path: string;
  /** `*`, the name of a field, or nothing. */
  readonly body: string;
}

export function restOf(method: DescMethod): Rest | undefined {
  const { pattern, body } = getOption(method, http);
  if (pattern.case === undefined || pattern.case === "custom") return undefined;
  return { verb: pattern.case.toUpperCase(), path: pattern.value, body };
}

/** What a field is, in a few words. */
export function typeOf(field: DescMessage["fields"][number]): string {
  const scalar = "scalar" in field && field.scalar !== undefined ? SCALARS[field.scalar] : undefined;
  const one = field.message?.typeName ?? field.enum?.typeName ?? scalar ?? "";
  const short = one.replace(/^(erp|google)\..*\.(?=[A-Z])/, "");
  if (field.fieldKind === "list") return `${short}[]`;
  return field.fieldKind === "map" ? `map<string, ${short}>` : short;
}

/** By the numbers of descriptor.proto. */
const SCALARS: Readonly<Record<number, string>> = {
  1: "double",
  2: "float",
  3: "int64",
  4: "uint64",
  5: "int32",
  6: "fixed64",
  7: "fixed32",
  8: "bool",
  9: "string",
  12: "bytes",
  13: "uint32",
  15: "sfixed32",
  16: "sfixed64",
  17: "sint32",
  18: "sint64",
};
