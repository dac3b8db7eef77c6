// Whoever opens the palette goes on typing at once: what comes before its input is there is kept for it.

/** When the palette has not come by then, the keys are given back to the page. */
const PATIENCE_MS = 5_000;

/** Keys that write nothing, such as `Enter`; all others are what they write. */
const NAMED = /^[A-Z][A-Za-z0-9]+$/;

let typed = "";
let stop: (() => void) | undefined;

/** Keeps what is typed from now on. */
export function beginTypeAhead(): void {
  endTypeAhead();
  const listen = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Backspace") typed = typed.slice(0, -1);
    else if (NAMED.test(event.key)) return;
    else typed += event.key;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  window.addEventListener("keydown", listen, true);
  const timer = setTimeout(endTypeAhead, PATIENCE_MS);
  stop = () => {
    window.removeEventListener("keydown", listen, true);
    clearTimeout(timer);
  };
}

/** What was typed meanwhile; keys go where they always go again. */
export function endTypeAhead(): string {
  stop?.();
  stop = undefined;
  const all = typed;
  typed = "";
  return all;
}
