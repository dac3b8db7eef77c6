// Everything of the client but the messages, which come by domain: `@tessera/client/crm`.
export { connect } from "./connect.js";
export type { ConnectOptions, Services, Tessera } from "./connect.js";
export { TesseraError } from "./error.js";
export type { Reason, ReasonDomain, StatusCode, Violation } from "./error.js";
export type { EventOptions } from "./events.js";
export { pages, records } from "./pages.js";
export type { PagedMethod, RecordOf } from "./pages.js";
export { memoryStore } from "./token-store.js";
export type { Tokens, TokenStore } from "./token-store.js";
export { webStore } from "./web-store.js";
export { amount, civilDate, dateText, decimal, fieldMask, formatMoney, money } from "./values.js";
export { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
