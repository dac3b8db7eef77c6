// A time as people speak of it, with the exact one on hover.
import { useEffect, useState } from "react";
import { useI18n } from "../i18n";
import { exactTime, relativeTime } from "../format/time";
import { useTimeZone } from "./zone";

const TICK_MS = 30_000;
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for all times on the page. */
function useNow(): number {
  const [shown, setShown] = useState(now);
  useEffect(() => {
    const listener = () => setShown(now);
    listeners.add(listener);
    timer ??= setInterval(() => {
      now = Date.now();
      listeners.forEach((one) => one());
    }, TICK_MS);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  // A time that is newer than the clock's last tick is not in the future.
  return Math.max(shown, Date.now() - TICK_MS);
}

export function Time({ ms }: { ms: number }) {
  const { locale } = useI18n();
  const zone = useTimeZone();
  const reference = useNow();
  const soon = ms > reference && ms - reference < TICK_MS;
  return (
    <time dateTime={new Date(ms).toISOString()} title={exactTime(ms, locale, zone)}>
      {relativeTime(soon ? reference : ms, reference, locale)}
    </time>
  );
}
