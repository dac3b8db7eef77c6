import { describe, expect, it } from "vitest";
import { summaryOf } from "./summary";

describe("an event in a line", () => {
  it("leaves out ids, times and what has parts, and says the rest in words of the reader", () => {
    const id = "01a20054-9dea-7429-bd39-dd6fffcde727";
    const said = { orderId: id, orderNumber: "SO-000042", kind: "STOCK_MOVE_KIND_ISSUE" };
    const dull = { key: `order_confirmation:${id}`, time: "2026-11-21T22:57:55Z", lines: [{}], memo: "" };
    const german = (name: string) => (name === "STOCK_MOVE_KIND_ISSUE" ? "Abgang" : undefined);
    expect(summaryOf({ ...said, ...dull }, german)).toBe("SO-000042 · Abgang");
    expect(summaryOf({ kind: "NEWER_KIND_ONE" }, german)).toBe("newer kind one");
  });
});
