import { describe, expect, it } from "vitest";
import { millionths, negated, netAmount, sumOf } from "./sums";

describe("exact sums", () => {
  it("rounds a line half up to the minor unit of its currency", () => {
    const price = { units: 0n, nanos: 50_000_000, currencyCode: "EUR" };
    expect(netAmount(price, 500_000n, 0n)).toEqual({ units: 0n, nanos: 30_000_000, currencyCode: "EUR" });
    expect(netAmount({ units: 99n, nanos: 990_000_000, currencyCode: "EUR" }, 3_000_000n, 150_000n)).toEqual({
      units: 254n,
      nanos: 970_000_000,
      currencyCode: "EUR",
    });
    expect(netAmount({ units: 101n, nanos: 0, currencyCode: "JPY" }, 1_500_000n, 0n)).toEqual({
      units: 152n,
      nanos: 0,
      currencyCode: "JPY",
    });
  });

  it("keeps amounts exact that a floating-point number cannot hold", () => {
    expect(
      netAmount({ units: 9_007_199_254_740_993n, nanos: 10_000_000, currencyCode: "EUR" }, 1_000_000n, 0n).units,
    ).toBe(9_007_199_254_740_993n);
  });

  it("gives units and nanos one sign", () => {
    expect(negated({ units: 0n, nanos: 10_000_000, currencyCode: "EUR" })).toEqual({
      units: 0n,
      nanos: -10_000_000,
      currencyCode: "EUR",
    });
    expect(sumOf(-1_500_000_000n, "EUR")).toEqual({ units: -1n, nanos: -500_000_000, currencyCode: "EUR" });
  });

  it("takes quantities of at most six decimals and nothing else", () => {
    expect(millionths("2.5")).toBe(2_500_000n);
    expect(millionths("-0.000001")).toBe(-1n);
    for (const text of ["", "1.", "1e3", "0.1234567", "two", " 1"]) expect(millionths(text)).toBeUndefined();
  });
});
