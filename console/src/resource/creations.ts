// The ways to bring records of an entity about.
import type { DescMethodUnary } from "@bufbuild/protobuf";
import type { Entity } from "../schema/model";

/** CreateX where there is one, then methods without a record; those that answer the entity itself come first. */
export function creationsOf(entity: Entity): readonly DescMethodUnary[] {
  const answers = (method: DescMethodUnary) => method.output === entity.desc;
  const others = [...entity.collectionActions].sort((a, b) => Number(answers(b)) - Number(answers(a)));
  return entity.methods.create ? [entity.methods.create, ...others] : others;
}
