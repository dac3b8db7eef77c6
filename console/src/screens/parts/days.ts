// Days of the calendar as `2026-11-21`, which are compared as texts.
import { civilDate, dateText } from "@client/values";
import type { Date as CivilDate } from "@client/gen/google/type/date_pb";
import { wallClock } from "../../format/time";

/** The day that it is now in a zone. */
export function today(timeZone: string, nowMs = Date.now()): string {
  return wallClock(nowMs, timeZone).slice(0, 10);
}

export function addDays(day: string, count: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + count);
  return date.toISOString().slice(0, 10);
}

/** The first day of the month so many months away. */
export function monthStart(day: string, count = 0): string {
  const date = new Date(`${day.slice(0, 7)}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() + count);
  return date.toISOString().slice(0, 10);
}

/** The Monday of the week of a day. */
export function weekStart(day: string): string {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay();
  return addDays(day, -((weekday + 6) % 7));
}

export function isDay(text: unknown): text is string {
  if (typeof text !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

export { civilDate };

export function dayOf(date: CivilDate | undefined): string {
  return date ? dateText(date) : "";
}

/** A day of a chart's axis: `21 Nov`; a month: `Nov 2026`. */
export function shortDay(day: string, locale: string, isMonth = false): string {
  const options: Intl.DateTimeFormatOptions = isMonth
    ? { month: "short", year: "2-digit" }
    : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}
