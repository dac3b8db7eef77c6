import { describe, expect, it } from "vitest";
import { typeMatcher } from "./matcher";

describe("the filter of the live tail", () => {
  it("takes one type, all types of a noun, and several of them", () => {
    const matches = typeMatcher("order.*, invoice.paid");
    expect(["order.placed", "invoice.paid"].every(matches)).toBe(true);
    expect(["invoice.posted", "saga.stuck"].some(matches)).toBe(false);
  });

  it("shows everything when nothing is asked for, and parts of a word while one types", () => {
    expect(typeMatcher("  ")("stock.low")).toBe(true);
    expect(typeMatcher("ord")("order.placed")).toBe(true);
  });
});
