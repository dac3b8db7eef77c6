import type { DescMethod } from "@bufbuild/protobuf";

/** Methods that take something away ask before they do; their names say so. */
const WORDS =
  /^(Delete|Purge|Cancel|Abort|Void|Refund|Reverse|Release|Consume|Return|Disable|Deactivate|Revoke|Reject|Close|Reset|Rotate|Archive|Terminate|Suspend)/;

export function isDestructive(method: DescMethod): boolean {
  return WORDS.test(method.name) || method.name === "CreateCreditNote";
}
