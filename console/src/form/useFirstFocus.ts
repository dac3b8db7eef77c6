import { useEffect } from "react";
import type { RefObject } from "react";

const INPUTS = ["input", "select", "textarea"].map((tag) => `${tag}:not(:disabled)`).join(", ");

/** Who opens a form wants to type. On a phone that would open the keyboard over the form. */
export function useFirstFocus(frame: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const input = frame.current?.querySelector<HTMLElement>(INPUTS);
    if (!input || matchMedia("(pointer: coarse)").matches) return;
    // A dialog looks for this when it opens, which is a moment later.
    input.dataset["autofocus"] = "";
    input.focus({ preventScroll: true });
  }, [frame]);
}
