// What a filter can speak of, by the path that the server gives it.
import type { Key } from "../i18n";
import type { I18n } from "../i18n";
import { fieldsOf } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import type { Operator } from "./filter";

/** A field that can be filtered by, also one inside a message. */
export interface Target {
  readonly path: string;
  readonly label: string;
  readonly field: FieldModel;
}

const NAMES: Readonly<Record<Operator, Key>> = {
  "=": "filter.op.eq",
  "!=": "filter.op.ne",
  ":": "filter.op.has",
  starts: "filter.op.starts",
  ">": "filter.op.gt",
  ">=": "filter.op.ge",
  "<": "filter.op.lt",
  "<=": "filter.op.le",
  set: "filter.op.set",
  unset: "filter.op.unset",
  within: "filter.op.within",
};
const TIME_NAMES: Readonly<Partial<Record<Operator, Key>>> = {
  ">": "filter.op.after",
  ">=": "filter.op.from",
  "<": "filter.op.before",
  "<=": "filter.op.until",
};

/** What an operator is called with such a field. */
export function operatorName(operator: Operator, field: FieldModel | undefined): Key {
  const isTime = field?.kind === "time" || field?.kind === "date";
  return (isTime ? TIME_NAMES[operator] : undefined) ?? NAMES[operator];
}

/** What a path names, however deep; undefined where the contracts have no such thing. */
export function targetAt(entity: Entity, path: string, label: I18n["label"]): Target | undefined {
  const labels: string[] = [];
  let fields: readonly FieldModel[] = entity.fields;
  let field: FieldModel | undefined;
  for (const name of path.split(".")) {
    field = fields.find((one) => one.name === name);
    if (!field) return undefined;
    labels.push(label(field.desc));
    fields = field.message ? fieldsOf(field.message) : [];
  }
  return field && { path, label: labels.join(" › "), field };
}
