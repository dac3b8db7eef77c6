// The stretches of time that the dashboard can show.
import { Period } from "@client/gen/erp/v1/period_pb";
import type { Key } from "../../i18n";
import { addDays, monthStart, weekStart } from "../parts/days";

/** From the first to the last day, in periods of one length. */
export interface Range {
  readonly from: string;
  readonly to: string;
  readonly period: Period;
}

interface Span {
  readonly name: string;
  readonly title: Key;
  range: (today: string) => Range;
}

export const SPANS: readonly [Span, ...Span[]] = [
  { name: "days", title: "home.days", range: (day) => ({ from: addDays(day, -29), to: day, period: Period.DAY }) },
  {
    name: "weeks",
    title: "home.weeks",
    range: (day) => ({ from: addDays(weekStart(day), -77), to: day, period: Period.WEEK }),
  },
  {
    name: "months",
    title: "home.months",
    range: (day) => ({ from: monthStart(day, -11), to: day, period: Period.MONTH }),
  },
];

export function spanOf(name: string | undefined): Span {
  return SPANS.find((span) => span.name === name) ?? SPANS[0];
}
