import { ScalarType } from "@bufbuild/protobuf";
import type { DescService } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { amount, civilDate, dateText, decimal, fieldMask, formatMoney, money } from "../src/index.js";
import { AccountSchema } from "../src/gen/domains/crm.js";
import { services } from "../src/gen/services.js";

describe("values", () => {
  it("hold amounts exactly", () => {
    // Text to units and nanos and back loses nothing, and what is no amount is refused.
    for (const text of ["0", "12.5", "-12.5", "-0.000000001", "0.01", "999999999999999999.999999999"]) {
      expect(amount(money(text, "EUR"))).toBe(text);
    }
    expect(money("-1.75", "EUR")).toMatchObject({ units: -1n, nanos: -750_000_000, currencyCode: "EUR" });
    expect([amount(money("12.50", "EUR")), Object.is(money("-3", "EUR").nanos, 0)]).toEqual(["12.5", true]);
    for (const text of ["", "1,5", "1e3", ".5", "5.", "1.0000000001", " 1"]) {
      expect(() => money(text, "EUR"), text).toThrow(RangeError);
    }
  });

  it("write amounts as people of a locale do", () => {
    // The currency gives the usual digits, and none that the amount has is rounded away.
    const shown = (text: string, currency: string, locale: string) =>
      formatMoney(money(text, currency), locale).replace(/\u00a0/g, " ");
    expect(shown("1234.5", "EUR", "de-DE")).toBe("1.234,50 €");
    expect(shown("-7", "JPY", "en-US")).toBe("-¥7");
    expect(shown("0.005", "USD", "en-US")).toBe("$0.005");
    expect(shown("999999999999999999.99", "USD", "en-US")).toBe("$999,999,999,999,999,999.99");
  });

  it("hold days of the calendar without a time zone", () => {
    // A day is the same day wherever the program runs, and one that does not exist is refused.
    for (const text of ["2024-02-29", "0099-12-31", "2026-11-21"]) expect(dateText(civilDate(text))).toBe(text);
    expect(civilDate("2026-11-21")).toMatchObject({ year: 2026, month: 11, day: 21 });
    for (const text of ["2023-02-29", "2026-13-01", "2026-1-1", "0000-01-01", "tomorrow"]) {
      expect(() => civilDate(text), text).toThrow(RangeError);
    }
    expect(decimal("2.50").value).toBe("2.50");
    expect(() => decimal("2,5")).toThrow(RangeError);
  });

  it("name fields as the contract does", () => {
    // Masks travel with the names of the proto, whatever TypeScript calls the fields.
    expect(fieldMask(AccountSchema, "displayName", "phone").paths).toEqual(["display_name", "phone"]);
  });
});

describe("contracts", () => {
  const domains: Record<string, Record<string, DescService>> = services;
  const methods = Object.values(domains)
    .flatMap(Object.values<DescService>)
    .flatMap((service) => service.methods);

  it("page in the one way that pages and records know", () => {
    // A request with a page token has an answer with the next one and exactly one list.
    const paged = methods.filter(({ input }) => input.fields.some(({ name }) => name === "page_token"));
    expect(paged.length).toBeGreaterThan(20);
    for (const { name, output } of paged) {
      expect(
        output.fields.map((field) => field.name),
        name,
      ).toContain("next_page_token");
      expect(
        output.fields.filter(({ fieldKind }) => fieldKind === "list"),
        name,
      ).toHaveLength(1);
    }
  });

  it("have the ids that make a second sending safe in strings", () => {
    // The client fills in string fields named request_id; one of another type would be left empty in silence.
    const fields = methods.flatMap(({ input }) => input.fields.filter(({ name }) => name === "request_id"));
    expect(fields.length).toBeGreaterThan(60);
    for (const field of fields)
      expect([field.fieldKind, field.scalar], String(field)).toEqual(["scalar", ScalarType.STRING]);
  });
});
