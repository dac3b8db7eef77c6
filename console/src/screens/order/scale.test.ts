import { describe, expect, it } from "vitest";
import { scaleOf, shownLength } from "./scale";

describe("the scale of a saga", () => {
  it("keeps what was done close together in proportion", () => {
    const scale = scaleOf([
      { startMs: 0, endMs: 100 },
      { startMs: 100, endMs: 400 },
    ]);
    expect(scale.folds).toEqual([]);
    expect(scale.place(100)).toBeCloseTo(0.25);
    expect(scale.place(400)).toBe(1);
  });

  it("folds a long gap, so that what was done stays readable", () => {
    const scale = scaleOf([
      { startMs: 0, endMs: 100 },
      { startMs: 3_600_100, endMs: 3_600_200 },
    ]);
    expect(scale.folds).toHaveLength(1);
    expect(scale.folds[0]?.ms).toBe(3_600_000);
    expect(scale.place(100)).toBeGreaterThan(0.4);
    expect(scale.place(3_600_100)).toBeLessThan(0.6);
  });

  it("never goes back in time and stays within the scale", () => {
    const scale = scaleOf([
      { startMs: 50, endMs: 50 },
      { startMs: 60, endMs: 90 },
      { startMs: 70, endMs: 80 },
      { startMs: 5_000, endMs: 5_010 },
    ]);
    const places = [50, 60, 75, 90, 1_000, 5_000, 5_010, 9_999].map((ms) => scale.place(ms));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...places)).toBeLessThanOrEqual(1);
  });

  it("says lengths in the unit that fits", () => {
    expect(shownLength(340, "en")).toBe("340 ms");
    expect(shownLength(2_400, "en")).toBe("2.4 sec");
    expect(shownLength(720_000, "de")).toBe("12 Min.");
  });
});
