// Which rows of a list are in sight. All rows are of one height, so that places are a matter of multiplication.
import { useCallback, useEffect, useState } from "react";
import type { RefObject } from "react";

/** Rows beyond the edges, so that there is something to see before the next frame. */
const BEYOND = 12;

export interface RowWindow {
  readonly first: number;
  /** Behind the last row. */
  readonly end: number;
  readonly height: number;
  /** Brings a row into sight, below a head of so many pixels. */
  scrollTo: (index: number) => void;
}

export function useRowWindow(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
  head: number,
): RowWindow {
  const [seen, setSeen] = useState({ first: 0, rows: 30 });
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const look = () => {
      const next = {
        first: Math.floor(element.scrollTop / rowHeight),
        rows: Math.ceil(element.clientHeight / rowHeight),
      };
      setSeen((now) => (now.first === next.first && now.rows === next.rows ? now : next));
    };
    look();
    element.addEventListener("scroll", look, { passive: true });
    const size = new ResizeObserver(look);
    size.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      size.disconnect();
    };
  });
  const scrollTo = useCallback(
    (index: number) => {
      const element = scroller.current;
      if (!element) return;
      const top = index * rowHeight;
      if (top < element.scrollTop) element.scrollTop = top;
      else if (top + rowHeight + head > element.scrollTop + element.clientHeight) {
        element.scrollTop = top + rowHeight + head - element.clientHeight;
      }
    },
    [scroller, rowHeight, head],
  );
  return {
    first: Math.max(0, Math.min(seen.first, count - 1) - BEYOND),
    end: Math.min(count, seen.first + seen.rows + BEYOND),
    height: count * rowHeight,
    scrollTo,
  };
}
