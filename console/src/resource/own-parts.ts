// Pages and parts of pages that were written by hand for an entity, each loaded when it is first shown.
import { lazy } from "react";
import type { ComponentType, LazyExoticComponent } from "react";
import { overrides, withTexts } from "../screens/registry";
import type { EntityProps, RecordProps } from "../screens/registry";

interface Parts {
  readonly list: EntityProps;
  readonly create: EntityProps;
  readonly detail: RecordProps;
}

type Part<Props> = LazyExoticComponent<ComponentType<Props>>;

/** A lazy part is the same one at every render, else it would be mounted anew. */
const known = new Map<string, Part<never>>();
const sections = new Map<string, readonly Part<RecordProps>[]>();

export function ownPart<Kind extends keyof Parts>(kind: Kind, typeName: string): Part<Parts[Kind]> | undefined {
  const load = overrides[typeName]?.[kind] as (() => Promise<{ default: ComponentType<Parts[Kind]> }>) | undefined;
  if (!load) return undefined;
  const key = `${kind} ${typeName}`;
  const part = (known.get(key) as Part<Parts[Kind]> | undefined) ?? lazy(withTexts(load));
  known.set(key, part as Part<never>);
  return part;
}

/** What stands above a record's fields. */
export function ownSections(typeName: string): readonly Part<RecordProps>[] {
  const parts = sections.get(typeName) ?? (overrides[typeName]?.sections ?? []).map((load) => lazy(withTexts(load)));
  sections.set(typeName, parts);
  return parts;
}
