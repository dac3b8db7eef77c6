import { describe, expect, it } from "vitest";
import { emptyLine, isTyped, placeOf, problemsOf, requestOf, totalsOf } from "./placing";
import type { Draft, Facts } from "./placing";

const eur = (units: bigint, nanos = 0) => ({ units, nanos, currencyCode: "EUR" });
const facts = new Map<string, Facts>([["p1", { price: eur(19n, 990_000_000) }]]);
const draft: Draft = {
  accountId: "a",
  currency: "EUR",
  payment: "card_ok",
  email: "",
  day: "",
  freight: "4,90",
  lines: [{ key: "l1", productId: "p1", quantity: "2,5", discount: "12,5" }],
};

describe("placing an order", () => {
  it("sums up exactly what will be charged, as it was typed in German", () => {
    const totals = totalsOf(draft, facts, "de");
    expect(totals.lines).toEqual(eur(43n, 730_000_000));
    expect(totals.total).toEqual(eur(48n, 630_000_000));
  });

  it("sends percents as the fraction that the contract wants, and numbers with a point", () => {
    const [line] = requestOf(draft, "de").lines ?? [];
    expect(line).toEqual({ productId: "p1", quantity: { value: "2.5" }, discount: { value: "0.125000" } });
    expect(requestOf(draft, "de").freight).toEqual(eur(4n, 900_000_000));
  });

  it("finds what is missing or makes no sense before anything is sent", () => {
    const bad = {
      ...draft,
      accountId: "",
      freight: "-1",
      lines: [{ key: "l1", productId: "", quantity: "0", discount: "101" }],
    };
    expect([...problemsOf(bad, facts, "de").keys()]).toEqual([
      "accountId",
      "freight",
      "l1.product",
      "l1.quantity",
      "l1.discount",
    ]);
    expect(problemsOf(draft, facts, "de").size).toBe(0);
  });

  it("tells of a product that has no price in the order's currency", () => {
    expect(problemsOf({ ...draft, currency: "USD" }, facts, "de").get("l1.product")).toBe("order.otherCurrency");
    expect(totalsOf({ ...draft, currency: "USD" }, facts, "de").total).toBeUndefined();
  });
});

it("what the server complains of stands where it was typed", () => {
  // Lines are told apart by their keys, because they come and go.
  const line = { ...emptyLine(), key: "b" };
  const two = { ...draft, lines: [{ ...emptyLine(), key: "a" }, line] };
  expect(placeOf("account_id", two)).toBe("accountId");
  expect(placeOf("freight.units", two)).toBe("freight");
  expect(placeOf("lines[1].quantity.value", two)).toBe("b.quantity");
  expect(placeOf("lines[1]", two)).toBe("b.product");
  expect(placeOf("lines[7].quantity", two)).toBeUndefined();
  expect(placeOf("sales_channel", two)).toBeUndefined();
});

it("an order that was only looked at is left without a question", () => {
  const blank = { ...draft, accountId: "", payment: "", freight: "", lines: [emptyLine()] };
  expect(isTyped(blank, "EUR")).toBe(false);
  expect(isTyped({ ...blank, email: "a@b.example" }, "EUR")).toBe(true);
  expect(isTyped({ ...blank, currency: "USD" }, "EUR")).toBe(true);
  expect(isTyped({ ...blank, lines: [{ ...emptyLine(), quantity: "2" }] }, "EUR")).toBe(true);
});
