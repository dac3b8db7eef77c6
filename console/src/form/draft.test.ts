import { create, equals } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AccountSchema, AccountType } from "@client/gen/erp/crm/v1/account_pb";
import { PlaceOrderRequestSchema } from "@client/gen/erp/orders/v1/order_pb";
import { ProductSchema } from "@client/gen/erp/catalog/v1/product_pb";
import { money } from "@client/values";
import { expect, it } from "vitest";
import { changedFields, draftOf, emptyMessage, messageOf, withPlace } from "./draft";
import type { DraftMessage, Typing } from "./draft";

const TYPING: Typing = { locale: "de", timeZone: "Europe/Zurich", currency: "EUR" };

const account = create(AccountSchema, {
  id: "0190a0b0-0000-7000-8000-000000000001",
  displayName: "Müller & Söhne",
  code: "C-1",
  type: AccountType.CUSTOMER,
  labels: { region: "north" },
  billingAddress: { regionCode: "DE", locality: "Kiel", addressLines: ["Kai 1", "Hof"] },
  createTime: timestampFromMs(Date.parse("2026-07-15T22:30:15Z")),
});

it("a record comes out of a form as it went in", () => {
  // Messages, maps, lists, times and unset fields included.
  const [message, problems] = messageOf(AccountSchema, draftOf(AccountSchema, account, TYPING), TYPING);
  expect(problems).toEqual([]);
  expect(equals(AccountSchema, message as never, account)).toBe(true);
});

it("amounts and decimals come out as they went in, too", () => {
  // A price of one and a half cents stays one.
  const product = create(ProductSchema, { sku: "A", price: money("0.015", "EUR") });
  const draft = draftOf(ProductSchema, product, TYPING);
  expect(draft["price"]).toEqual({ amount: "0,015", currency: "EUR" });
  expect(equals(ProductSchema, messageOf(ProductSchema, draft, TYPING)[0] as never, product)).toBe(true);
});

it("only what was changed is sent", () => {
  // Also a change inside a message, and none where the same was typed again.
  const before = draftOf(AccountSchema, account, TYPING);
  const names = (after: DraftMessage) => changedFields(AccountSchema, before, after).map(({ name }) => name);
  expect(names(before)).toEqual([]);
  const moved = withPlace(before, ["billing_address", "locality"], "Kiel") as DraftMessage;
  expect(names(moved)).toEqual([]);
  const changed = withPlace(withPlace(moved, ["billing_address", "locality"], "Lübeck"), ["code"], "") as DraftMessage;
  expect(names(changed)).toEqual(["code", "billing_address"]);
  const [message] = messageOf(AccountSchema, changed, TYPING);
  expect(message["code"]).toBeUndefined();
});

it("what cannot be sent is named by the server's own paths", () => {
  // Missing, malformed, in lists and in amounts.
  const line = { ...emptyMessage(PlaceOrderRequestSchema.field.lines.message!, TYPING), quantity: "zwei" };
  const draft: DraftMessage = {
    ...emptyMessage(PlaceOrderRequestSchema, TYPING),
    lines: [line],
    freight: { amount: "1,2,3", currency: "EUR" },
    order_date: "2026-02-31x",
  };
  const [, problems] = messageOf(PlaceOrderRequestSchema, draft, TYPING);
  const found = Object.fromEntries(problems.map(({ path, kind }) => [path, kind]));
  expect(found).toEqual({
    account_id: "required",
    "lines[0].product_id": "required",
    "lines[0].quantity": "number",
    currency_code: "required",
    freight: "money",
    payment_method: "required",
    order_date: "date",
  });
});

it("an order is typed in as people write in German", () => {
  // Comma in amounts and quantities, the day as it stands in the calendar.
  const product = "0190a0b0-0000-7000-8000-000000000002";
  const draft: DraftMessage = {
    ...emptyMessage(PlaceOrderRequestSchema, TYPING),
    account_id: account.id,
    currency_code: "EUR",
    payment_method: "card_ok",
    order_date: "2026-11-21",
    freight: { amount: "1.234,50", currency: "eur" },
    lines: [
      { ...emptyMessage(PlaceOrderRequestSchema.field.lines.message!, TYPING), product_id: product, quantity: "2,5" },
    ],
  };
  const [message, problems] = messageOf(PlaceOrderRequestSchema, draft, TYPING);
  expect(problems).toEqual([]);
  const wanted = create(PlaceOrderRequestSchema, {
    accountId: account.id,
    currencyCode: "EUR",
    paymentMethod: "card_ok",
    orderDate: { year: 2026, month: 11, day: 21 },
    freight: money("1234.50", "EUR"),
    lines: [{ productId: product, quantity: { value: "2.5" } }],
  });
  expect(equals(PlaceOrderRequestSchema, message as never, wanted)).toBe(true);
  expect(message.$typeName).toBe("erp.orders.v1.PlaceOrderRequest");
});
