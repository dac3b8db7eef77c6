// Times as people read them, in the zone that they live in.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampMs } from "@bufbuild/protobuf/wkt";

const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** `3 hours ago`; within a minute it is now. */
export function relativeTime(ms: number, nowMs: number, locale: string): string {
  const seconds = (ms - nowMs) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" });
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(0, "second");
}

/** `21 November 2026 at 22:03:11 CET`. */
export function exactTime(ms: number, locale: string, timeZone: string): string {
  return new Intl.DateTimeFormat(locale, {
    dateStyle: "long",
    timeStyle: "long",
    timeZone: knownZone(timeZone),
  }).format(ms);
}

/** `21 Nov 2026, 22:03`. */
export function shortTime(ms: number, locale: string, timeZone: string): string {
  return new Intl.DateTimeFormat(locale, {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: knownZone(timeZone),
  }).format(ms);
}

/** A day of the calendar such as `2026-11-21`, as people read it; it has no zone. */
export function shownDate(iso: string, locale: string): string {
  const time = new Date(`${iso}T00:00:00Z`);
  if (Number.isNaN(time.getTime())) return iso;
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" }).format(time);
}

/** The clock on the wall in a zone, as `2026-11-21T22:03:11`. */
export function wallClock(ms: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: knownZone(timeZone),
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).formatToParts(ms);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "00";
  return `${part("year").padStart(4, "0")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}`;
}

/** The instant at which the clock on the wall of a zone shows this; where it shows it never, the one behind the gap. */
export function instantOf(wall: string, timeZone: string): number | undefined {
  const asUtc = Date.parse(`${wall.length === 10 ? `${wall}T00:00:00` : wall}Z`);
  if (Number.isNaN(asUtc)) return undefined;
  const offsetAt = (ms: number) => Date.parse(`${wallClock(ms, timeZone)}Z`) - Math.floor(ms / 1000) * 1000;
  const first = asUtc - offsetAt(asUtc);
  const second = asUtc - offsetAt(first);
  return second;
}

/** The zone itself, or UTC where the browser does not know it. */
export function knownZone(timeZone: string): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return timeZone || "UTC";
  } catch {
    return "UTC";
  }
}

export function msOf(value: Timestamp): number {
  return timestampMs(value);
}
