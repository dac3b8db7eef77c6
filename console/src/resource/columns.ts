// Which fields of an entity a list shows, and how wide they are.
import { isBookkeeping, isPlumbing } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";

const USUAL = 6;

/** Fields that fit into one line of a list. */
export function listable(entity: Entity): readonly FieldModel[] {
  return entity.fields.filter(
    (field) => !isPlumbing(field) && !field.secret && field.kind !== "bytes" && field.kind !== "json",
  );
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
    if (field.kind === "text")
      return /(_id|message|reason|reference|description|memo|body)$/.test(field.name) ? 10 : 50;
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

/** The least width of a column in pixels, and its part of what is left. */
function widthOf(field: FieldModel, isTitle: boolean): [least: number, part: number] {
  if (isTitle) return [180, 2.2];
  switch (field.kind) {
    case "money":
    case "decimal":
      return [128, 0.8];
    case "integer":
    case "number":
    case "bool":
      return [80, 0.6];
    case "enum":
    case "date":
      return [112, 0.8];
    case "time":
      return [132, 0.9];
    default:
      return [124, 1.3];
  }
}

const TICK = 34;

/** The tracks of the grid, and how narrow it may get before it scrolls sideways. */
export function tracksOf(entity: Entity, fields: readonly FieldModel[]): { template: string; least: number } {
  const widths = fields.map((field) => widthOf(field, field === entity.titleFields[0] || field === fields[0]));
  return {
    template: [`${TICK}px`, ...widths.map(([least, part]) => `minmax(${least}px, ${part}fr)`)].join(" "),
    least: TICK + 40 + widths.reduce((sum, [least]) => sum + least, 0),
  };
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
