import { expect, it } from "vitest";
import { currencyDigits, parseMoney, plainNumber, shownDecimal, shownMoney, typedMoney } from "./money";

it("numbers are read as the language writes them", () => {
  // Grouping and the decimal sign are the language's; what is no number is refused.
  expect(plainNumber("1,234.50", "en")).toBe("1234.50");
  expect(plainNumber("1.234,50", "de")).toBe("1234.50");
  expect(plainNumber("12,5", "de")).toBe("12.5");
  expect(plainNumber("12.34", "de")).toBe("12.34");
  expect(plainNumber("1’234.50", "de-CH")).toBe("1234.50");
  expect(plainNumber("-.5", "en")).toBe("-0.5");
  for (const wrong of ["", "1e5", "12a", "1.2.3", "--1", "0x10"])
    expect(plainNumber(wrong, "en"), wrong).toBeUndefined();
});

it("no digit of an amount is lost", () => {
  // Amounts beyond what a JavaScript number holds go in and out unchanged.
  const value = parseMoney("900719925474099312.34", "EUR", "en");
  expect(value?.units).toBe(900719925474099312n);
  expect(value?.nanos).toBe(340_000_000);
  expect(value && typedMoney(value, "en")).toBe("900719925474099312.34");
  expect(value && shownMoney(value, "en")).toBe("€900,719,925,474,099,312.34");
  const negative = parseMoney("-0,05", "EUR", "de");
  expect(negative && [negative.units, negative.nanos]).toEqual([0n, -50_000_000]);
});

it("amounts have the digits of their currency", () => {
  // Yen have none, dinars three.
  expect(currencyDigits("JPY")).toBe(0);
  expect(typedMoney({ units: 5n, nanos: 0, currencyCode: "JPY" }, "en")).toBe("5");
  expect(typedMoney({ units: 5n, nanos: 0, currencyCode: "KWD" }, "en")).toBe("5.000");
  expect(parseMoney("5", "euro", "en")).toBeUndefined();
});

it("decimals keep their digits", () => {
  // Trailing zeros say how exact a number is.
  expect(shownDecimal("1234.500", "de")).toBe("1.234,500");
  expect(shownDecimal("n/a", "de")).toBe("n/a");
});
