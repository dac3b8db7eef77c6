// The client as the tests use it; the setup bundles it, because its sources stand outside this folder.
export { connect, memoryStore } from "../../clients/typescript/src/index.ts";
export type { Tessera } from "../../clients/typescript/src/index.ts";
export { AccountType } from "../../clients/typescript/src/gen/erp/crm/v1/account_pb.ts";
export { createGrpcWebTransport } from "@connectrpc/connect-web";
