// The comments of the contracts, which are the help texts of the forms.
import type { DescEnumValue, DescField, DescFile, DescMessage, DescMethod } from "@bufbuild/protobuf";

/** What a comment says to somebody who fills in a form: the first sentences, without the names of reasons. */
export function briefly(comment: string): string {
  const [said = ""] = comment.split(/\s*\bFails with\b/);
  return said.trim();
}

type Commented = DescField | DescMessage | DescMethod | DescEnumValue;

const files = new WeakMap<DescFile, Map<string, string>>();

/** What the contracts say of a thing, in one paragraph; empty where they say nothing. */
export function commentOf(desc: Commented): string {
  const { file, path } = place(desc);
  // What outsiders wrote of their types is for programmers.
  if (!file.proto.package.startsWith("erp.")) return "";
  return commentsOf(file).get(path.join(".")) ?? "";
}

/** The numbers are those of descriptor.proto: 4 messages, 5 enums, 6 services; 2 fields, values and methods; 3 nested. */
function place(desc: Commented): { file: DescFile; path: number[] } {
  switch (desc.kind) {
    case "field":
      return { file: desc.parent.file, path: [...messagePath(desc.parent), 2, desc.parent.fields.indexOf(desc)] };
    case "message":
      return { file: desc.file, path: messagePath(desc) };
    case "rpc":
      return {
        file: desc.parent.file,
        path: [6, desc.parent.file.services.indexOf(desc.parent), 2, desc.parent.methods.indexOf(desc)],
      };
    case "enum_value": {
      const { parent } = desc;
      const owner = parent.parent;
      const path = owner
        ? [...messagePath(owner), 4, owner.nestedEnums.indexOf(parent)]
        : [5, parent.file.enums.indexOf(parent)];
      return { file: parent.file, path: [...path, 2, parent.values.indexOf(desc)] };
    }
  }
}

function messagePath(message: DescMessage): number[] {
  const { parent } = message;
  return parent
    ? [...messagePath(parent), 3, parent.proto.nestedType.indexOf(message.proto)]
    : [4, message.file.proto.messageType.indexOf(message.proto)];
}

function commentsOf(file: DescFile): Map<string, string> {
  let comments = files.get(file);
  if (!comments) {
    comments = new Map();
    for (const { path, leadingComments } of file.proto.sourceCodeInfo?.location ?? []) {
      if (leadingComments) comments.set(path.join("."), leadingComments.replace(/\s*\n\s*/g, " ").trim());
    }
    files.set(file, comments);
  }
  return comments;
}
