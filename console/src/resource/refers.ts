// What a field's ids are of.
import type { FieldModel } from "../schema/fields";
import { snake } from "../schema/model";
import type { Model } from "../schema/model";

const USER = "erp.identity.v1.User";

/**
 * The full name of the entity; undefined: the field holds no ids of records. Where the contract does not say it,
 * `product_id` is a Product's, if there is but one such entity.
 */
export function refersTo(field: FieldModel, model: Model): string | undefined {
  if (field.kind === "reference") return field.references;
  if (field.kind !== "text") return undefined;
  if (/^(created|updated)_by$/.test(field.name)) return USER;
  const noun = /^(.+)_id$/.exec(field.name)?.[1];
  if (noun === undefined) return undefined;
  const [only, ...more] = model.entities.filter(({ desc }) => snake(desc.name) === noun);
  return more.length === 0 ? only?.typeName : undefined;
}
