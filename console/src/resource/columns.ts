// Which fields of an entity a list shows, and how wide they are.
import { isBookkeeping, isPlumbing } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";

const USUAL = 6;

/** Fields that fit into one line of a list. */
export function listable(entity: Entity): readonly FieldModel[] {
  return entity.fields.filter((field) => !isPlumbing(field) && !field.secret && field.kind !== "bytes" && field.kind !== "json");
}

/** What a list shows before somebody chose: what tells records apart, their state, amounts and relations, and when. */
export function usualColumns(entity: Entity): readonly string[] {
  const fields = listable(entity);
  const score = (field: FieldModel): number => {
    if (entity.titleFields.includes(field)) return 100 - entity.titleFields.indexOf(field);
    if (field.name === "id" || field.shape !== "single" || field.kind === "message" || isBookkeeping(field)) return -1;
    if (/(^|_)(state|status|stage|type)$/.test(field.name)) return 90;
    if (["number", "code", "sku"].includes(field.name)) return 85;
    if (["total", "total_amount", "amount", "balance", "value"].includes(field.name)) return 80;
    if (field.kind === "reference") return field.outputOnly ? 45 : 70;
    if (field.kind === "money") return 65;
    if (field.kind === "date") return 60;
    if (["email", "available", "on_hand", "quantity", "active"].includes(field.name)) return 58;
    if (field.kind === "decimal" || field.kind === "bool") return 40;
    if (field.kind === "text") return /(_id|message|reason|reference|description|memo|body)$/.test(field.name) ? 10 : 50;
    return 30;
  };
  const chosen = fields
    .map((field) => ({ field, points: score(field) }))
    .filter(({ points }) => points >= 0)
    .sort((a, b) => b.points - a.points)
    .slice(0, USUAL)
    .map(({ field }) => field.name);
  const made = fields.some(({ name }) => name === "create_time") ? ["create_time"] : [];
  const order = [...entity.titleFields.map(({ name }) => name), ...fields.map(({ name }) => name)];
  return [...chosen.sort((a, b) => order.indexOf(a) - order.indexOf(b)), ...made];
}

/** A track of the grid. */
export function widthOf(field: FieldModel, isTitle: boolean): string {
  if (isTitle) return "minmax(180px, 2.2fr)";
  switch (field.kind) {
    case "money":
    case "decimal":
      return "minmax(110px, 0.8fr)";
    case "integer":
    case "number":
    case "bool":
      return "minmax(80px, 0.6fr)";
    case "enum":
    case "date":
    case "time":
      return "minmax(120px, 0.9fr)";
    default:
      return "minmax(130px, 1.3fr)";
  }
}

function keyOf(entity: Entity): string {
  return `tessera.columns.${entity.typeName}`;
}

export function keptColumns(entity: Entity): readonly string[] | undefined {
  const kept = localStorage.getItem(keyOf(entity));
  if (kept === null) return undefined;
  const known = new Set(listable(entity).map(({ name }) => name));
  const names = kept.split(",").filter((name) => known.has(name));
  return names.length > 0 ? names : undefined;
}

export function keepColumns(entity: Entity, names: readonly string[] | undefined): void {
  if (names) localStorage.setItem(keyOf(entity), names.join(","));
  else localStorage.removeItem(keyOf(entity));
}
