import { describe, expect, it } from "vitest";
import { spanOf } from "../dashboard/spans";
import { addDays, isDay, monthStart, today, weekStart } from "./days";

describe("days of the calendar", () => {
  it("are those of the reader's zone", () => {
    const late = Date.parse("2026-12-31T23:30:00Z");
    expect(today("UTC", late)).toBe("2026-12-31");
    expect(today("Europe/Berlin", late)).toBe("2027-01-01");
  });

  it("go over the ends of months and years", () => {
    expect(addDays("2028-02-28", 1)).toBe("2028-02-29");
    expect(monthStart("2026-01-31", -1)).toBe("2025-12-01");
    expect(weekStart("2026-11-22")).toBe("2026-11-16");
    expect(weekStart("2026-11-16")).toBe("2026-11-16");
  });

  it("are told from what is none", () => {
    expect(isDay("2026-11-30")).toBe(true);
    for (const text of ["2026-11-31", "2026-13-01", "", "today", undefined]) expect(isDay(text)).toBe(false);
  });
});

describe("the spans of the dashboard", () => {
  it("hold thirty days, twelve weeks and twelve months", () => {
    expect(spanOf(undefined).range("2026-11-21")).toEqual({ from: "2026-10-23", to: "2026-11-21", period: 1 });
    expect(spanOf("weeks").range("2026-11-21")).toEqual({ from: "2026-08-31", to: "2026-11-21", period: 2 });
    expect(spanOf("months").range("2026-11-21")).toEqual({ from: "2025-12-01", to: "2026-11-21", period: 3 });
  });
});
