import { create, createFileRegistry } from "@bufbuild/protobuf";
import type { DescFile, DescService, JsonObject } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { services } from "@client/gen/services";
import { expect, it } from "vitest";
import { modelOf } from "../schema/model";
import { touchedBy } from "./touched";

const files = new Map<string, DescFile>();
const collect = (file: DescFile) => {
  file.dependencies.forEach(collect);
  files.set(file.name, file);
};
for (const { file } of Object.values(services).flatMap((domain) => Object.values<DescService>(domain))) collect(file);
const registry = createFileRegistry(
  create(FileDescriptorSetSchema, { file: [...files.values()].map(({ proto }) => proto) }),
);
const model = modelOf(registry);
const touched = (eventType: string, data: JsonObject) => {
  const found = touchedBy(model)({ eventType, data });
  return Object.fromEntries([...found].map(([name, ids]) => [name, [...ids]]));
};
const id = (number: number) => `01937000-0000-7000-8000-${String(number).padStart(12, "0")}`;

it("goods that move make levels, moves and reservations old", () => {
  // The event names no level, so that any of them may have changed; of the product nothing has.
  expect(touched("stock.moved", { stockMoveId: id(1), productId: id(2), warehouseId: id(3) })).toEqual({
    "erp.inventory.v1.StockMove": [id(1)],
    "erp.inventory.v1.StockLevel": [],
    "erp.inventory.v1.Reservation": [],
    "erp.inventory.v1.Warehouse": [id(3)],
  });
});

it("an event of the engine makes its record old and no other", () => {
  expect(touched("account.updated", { entityType: "erp.crm.v1.Account", entityId: id(1) })).toEqual({
    "erp.crm.v1.Account": [id(1)],
  });
});

it("all records that an event tells of are known by id", () => {
  const entries = [{ journalEntryId: id(1) }, { journalEntryId: id(2) }];
  const found = touched("journal_entry.posted", { firstJournalEntryId: id(1), entries });
  expect(found["erp.finance.v1.JournalEntry"]).toEqual([id(1), id(2)]);
});

it("an event that the contracts do not know makes nothing old", () => {
  expect(touched("comet.seen", { cometId: id(1) })).toEqual({});
});
