// What a method answers that is more than the record itself.
import type { DescMessage } from "@bufbuild/protobuf";
import type { AnyMessage } from "../api/wire";
import { fieldsOf } from "../schema/fields";
import { holderOf } from "../schema/model";
import type { Entity } from "../schema/model";
import { textIn } from "./records";

/** The record that an answer is or holds. */
export function recordIn(entity: Entity, output: DescMessage, answer: AnyMessage): AnyMessage | undefined {
  if (answer.$typeName === entity.typeName) return answer;
  const holder = holderOf(output, entity.desc);
  return holder?.fieldKind === "message" ? (answer[holder.localName] as AnyMessage | undefined) : undefined;
}

/** A secret that was made for the caller, such as the text of a key: it is nowhere to be had again. */
export function secretIn(output: DescMessage, answer: AnyMessage): string {
  const field = fieldsOf(output).find(({ secret, shape, kind }) => secret && shape === "single" && kind === "text");
  return field ? textIn(answer, field.desc.localName) : "";
}
