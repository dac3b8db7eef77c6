// What the contracts' validation rules tell a form, read from the descriptors themselves.
import { getExtension } from "@bufbuild/protobuf";
import type { DescMessage, FileRegistry } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import type { AnyMessage } from "../api/wire";
import type { FieldModel } from "../schema/fields";

/** How long a text may be; undefined where nothing is said. */
export function maxLength(registry: FileRegistry, field: FieldModel): number | undefined {
  const extension = registry.getExtension("buf.validate.field");
  const options = field.desc.proto.options;
  if (!extension || !options) return undefined;
  const rules = getExtension(options, extension) as { type?: { case?: string; value?: Record<string, unknown> } };
  if (rules.type?.case !== "string") return undefined;
  const max = rules.type.value?.["maxLen"];
  return typeof max === "bigint" && max > 0n ? Number(max) : undefined;
}

export interface Violation {
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}

type Validate = (schema: DescMessage, message: AnyMessage) => readonly Violation[];

let loading: Promise<Validate> | undefined;

/** Comes with the first form and not with the first page: it is larger than everything else of a form. */
export function loadValidator(registry: FileRegistry): Promise<Validate> {
  loading ??= import("@bufbuild/protovalidate").then(({ createValidator }) => {
    const validator = createValidator({ registry });
    return (schema, message) => {
      const result = validator.validate(schema, message);
      // Rules that this version cannot read are the server's to check.
      if (result.kind !== "invalid") return [];
      return result.violations.map(({ field, ruleId, message: text }) => ({
        path: pathToString(field),
        rule: ruleId,
        message: text,
      }));
    };
  });
  return loading;
}
