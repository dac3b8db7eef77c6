// The order of a list, as its address and the server have it: `name`, `name desc`.
import type { Entity } from "../schema/model";

/** Whether the server sorts these records. */
export function sorts(entity: Entity): boolean {
  return entity.methods.list?.input.fields.some(({ name }) => name === "order_by") === true;
}

/** Choosing a field sorts by it, once more the other way round, and a third time as usual. */
export function turned(order: string, field: string): string | undefined {
  return order === field ? `${field} desc` : order === `${field} desc` ? undefined : field;
}
