// A scale of time for what was done in bursts: long gaps, in which nothing was done, are folded to one short width.

export interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

/** A gap that was folded; `at` and `width` are parts of the whole scale. */
export interface Fold {
  readonly at: number;
  readonly width: number;
  readonly ms: number;
}

export interface Scale {
  /** Where an instant is, from 0 to 1. */
  place: (ms: number) => number;
  readonly folds: readonly Fold[];
}

/** How much longer than all that was done a gap must be for it to be folded, and how wide it then is. */
const LONG = 0.6;
const FOLDED = 0.08;
const LEAST_MS = 1;

export function scaleOf(stretches: readonly Stretch[]): Scale {
  const busy = merged(stretches);
  const [first] = busy;
  if (!first) return { place: () => 0, folds: [] };
  const busyMs = busy.reduce((sum, { startMs, endMs }) => sum + Math.max(endMs - startMs, LEAST_MS), 0);
  // Pieces of time one after the other, each with the width that it has on the scale.
  const pieces: { startMs: number; endMs: number; width: number; folded: boolean }[] = [];
  let before = first.startMs;
  for (const { startMs, endMs } of busy) {
    const gap = startMs - before;
    const folded = gap > busyMs * LONG;
    if (gap > 0) pieces.push({ startMs: before, endMs: startMs, width: folded ? busyMs * FOLDED : gap, folded });
    pieces.push({ startMs, endMs, width: Math.max(endMs - startMs, LEAST_MS), folded: false });
    before = endMs;
  }
  const whole = pieces.reduce((sum, { width }) => sum + width, 0);
  const folds: Fold[] = [];
  let at = 0;
  const placed = pieces.map((piece) => {
    const here = { ...piece, at, width: piece.width / whole };
    if (piece.folded) folds.push({ at, width: here.width, ms: piece.endMs - piece.startMs });
    at += here.width;
    return here;
  });
  return {
    folds,
    place(ms) {
      const piece = placed.find(({ endMs }) => ms <= endMs);
      if (!piece) return 1;
      const length = piece.endMs - piece.startMs;
      return piece.at + (length > 0 ? Math.max(0, (ms - piece.startMs) / length) * piece.width : 0);
    },
  };
}

/** Without overlaps, in the order of time. */
function merged(stretches: readonly Stretch[]): Stretch[] {
  const found: { startMs: number; endMs: number }[] = [];
  for (const { startMs, endMs } of [...stretches].sort((a, b) => a.startMs - b.startMs)) {
    const last = found.at(-1);
    if (last && startMs <= last.endMs) last.endMs = Math.max(last.endMs, endMs);
    else found.push({ startMs, endMs });
  }
  return found;
}

/** `340 ms`, `2.4 s`, `12 min`, `3 h`. */
export function shownLength(ms: number, locale: string): string {
  const [value, unit, digits]: [number, string, number] =
    ms < 1_000
      ? [ms, "millisecond", 0]
      : ms < 60_000
        ? [ms / 1_000, "second", 1]
        : ms < 3_600_000
          ? [ms / 60_000, "minute", 0]
          : ms < 172_800_000
            ? [ms / 3_600_000, "hour", 0]
            : [ms / 86_400_000, "day", 0];
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: digits,
  }).format(value);
}
