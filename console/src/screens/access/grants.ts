// What a role allows, cell by cell of the matrix.
import { grouped } from "../../format/grouped";
import { mayOf } from "../../schema/permissions";

/** How a permission stands with a role: named by itself, by one that stands for all below it, or not at all. */
export type Grant =
  { readonly kind: "own" } | { readonly kind: "covered"; readonly by: string } | { readonly kind: "none" };

export function grantOf(permissions: readonly string[], name: string): Grant {
  const by = permissions.find((one) => one.endsWith("*") && mayOf([one])(name));
  if (by !== undefined) return { kind: "covered", by };
  return permissions.includes(name) ? { kind: "own" } : { kind: "none" };
}

/** With or without one permission; the order of the others stays. */
export function toggled(permissions: readonly string[], name: string): readonly string[] {
  return permissions.includes(name) ? permissions.filter((one) => one !== name) : [...permissions, name];
}

/** Permissions by their domain: `crm` has `accounts.read` and others. */
export function byDomain(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return grouped(names, (name) => name.split(".")[0] ?? name);
}

export function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}
