import type { DescService } from "@bufbuild/protobuf";
import { OrderService } from "@client/gen/erp/orders/v1/order_pb";
import { services } from "@client/gen/services";
import { expect, it } from "vitest";
import { isRead } from "./model";

it("a method that only reads is known by the contract", () => {
  // Else it stood among a record's actions and asked to be confirmed.
  expect(isRead(OrderService.method.getOrderTimeline)).toBe(true);
  expect(isRead(OrderService.method.cancelOrder)).toBe(false);
  const all = Object.values(services).flatMap((domain) => Object.values<DescService>(domain));
  const reads = all.flatMap(({ methods }) => methods).filter(isRead);
  expect(reads.length).toBeGreaterThan(50);
  expect(reads.map(({ name }) => name).filter((name) => /^(Create|Update|Delete|Place|Cancel)/.test(name))).toEqual([]);
});
