// Titles of the records that a page of a list refers to, fetched in one call per kind of record.
import type { AnyMessage } from "../api/wire";
import type { FieldModel } from "../schema/fields";
import type { Model } from "../schema/model";
import { mayCall } from "../schema/permissions";
import type { May } from "../schema/permissions";
import { idsIn } from "./csv-cells";
import type { TitleOf } from "./csv-cells";
import { valueOf } from "./records";
import { loadReference } from "./references";
import { refersTo } from "./refers";
import { titleOf } from "./text";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface Titles {
  readonly of: TitleOf;
  /** Learns what the rows refer to. */
  load: (rows: readonly AnyMessage[]) => Promise<void>;
}

export function titlesOf(model: Model, may: May, fields: readonly FieldModel[], locale: string): Titles {
  const known = new Map<string, string>();
  const targets = new Map(
    fields.flatMap((field) => {
      const entity = model.entity(refersTo(field, model) ?? "");
      return entity ? [[field, entity] as const] : [];
    }),
  );
  return {
    // A service that acts is no user; it is called by its own name, as on the screen.
    of: (field) => (targets.has(field) ? (id) => known.get(id) ?? id.replace(/^service:/, "") : undefined),
    load: async (rows) => {
      const wanted = [...targets].flatMap(([field, entity]) => {
        if (!mayCall(may, entity.methods.get)) return [];
        const ids = new Set(rows.flatMap((row) => idsIn(field, valueOf(field, row))));
        return [...ids].filter((id) => UUID.test(id) && !known.has(id)).map((id) => ({ entity, id }));
      });
      const found = await Promise.all(
        wanted.map(async ({ entity, id }) => [entity, await loadReference(entity, id)] as const),
      );
      wanted.forEach(({ id }, place) => {
        const [entity, record] = found[place] ?? [];
        known.set(id, entity && record ? titleOf(entity, record, locale) : id);
      });
    },
  };
}
