import { expect, it } from "vitest";
import { instantOf, knownZone, relativeTime, shownDate, wallClock } from "./time";

const HOUR = 3_600_000;

it("the clock on the wall and the instant belong together", () => {
  // In summer and in winter, east and west.
  for (const zone of ["Europe/Zurich", "America/New_York", "Asia/Kolkata", "UTC"]) {
    for (const iso of ["2026-01-15T12:00:00Z", "2026-07-15T23:30:15Z"]) {
      const ms = Date.parse(iso);
      expect(instantOf(wallClock(ms, zone), zone), `${zone} ${iso}`).toBe(ms);
    }
  }
  expect(wallClock(Date.parse("2026-07-15T22:30:00Z"), "Europe/Zurich")).toBe("2026-07-16T00:30:00");
});

it("a clock time that there never is becomes the one behind the gap", () => {
  // On 29 March 2026 the clocks in Zurich go from 2 to 3.
  const ms = instantOf("2026-03-29T02:30:00", "Europe/Zurich");
  expect(
    ms !== undefined && [Date.parse("2026-03-29T00:30:00Z"), Date.parse("2026-03-29T01:30:00Z")].includes(ms),
  ).toBe(true);
  expect(instantOf("nonsense", "UTC")).toBeUndefined();
});

it("times are spoken of in the largest unit that fits", () => {
  // Past and future, in the reader's language.
  expect(relativeTime(0, 3 * HOUR, "en")).toBe("3 hours ago");
  expect(relativeTime(48 * HOUR, 0, "de")).toBe("übermorgen");
  expect(relativeTime(0, 20_000, "en")).toBe("now");
});

it("days have no zone, and unknown zones are UTC", () => {
  // A day must not slip to the one before where it is shown west of Greenwich.
  expect(shownDate("2026-11-01", "en-US")).toBe("Nov 1, 2026");
  expect(knownZone("Mars/Olympus")).toBe("UTC");
});
