// What a caller may do, as GetCurrentUser tells it.
import type { DescMethod } from "@bufbuild/protobuf";
import { permissionOf } from "./model";

/** Answers whether a permission such as `crm.accounts.read` is held; an empty one is held by everybody. */
export type May = (permission: string) => boolean;

/** Grants may end in `*`, which stands for everything below: `crm.*`, `*`. */
export function mayOf(grants: readonly string[]): May {
  const known = new Map<string, boolean>();
  const patterns = grants.map((grant) => grant.split("."));
  return (permission) => {
    if (permission === "") return true;
    let held = known.get(permission);
    if (held === undefined) {
      const parts = permission.split(".");
      held = patterns.some((pattern) => covers(pattern, parts));
      known.set(permission, held);
    }
    return held;
  };
}

function covers(pattern: readonly string[], parts: readonly string[]): boolean {
  if (pattern.at(-1) !== "*") return pattern.join(".") === parts.join(".");
  const stem = pattern.slice(0, -1);
  return stem.length < parts.length && stem.every((one, place) => one === parts[place]);
}

export function mayCall(may: May, method: DescMethod | undefined): method is DescMethod {
  return method !== undefined && may(permissionOf(method));
}
