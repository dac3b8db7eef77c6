// Whether the gateway can be reached, as the calls find out; and asks on its own until it is back.
import { useSyncExternalStore } from "react";

const PROBE_MS = 2_000;

let reachable = true;
let probe: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
const backListeners = new Set<() => void>();

export function noteSuccess(): void {
  clearTimeout(probe);
  probe = undefined;
  if (reachable) return;
  set(true);
  backListeners.forEach((listener) => listener());
}

export function noteFailure(): void {
  set(false);
  probe ??= setTimeout(() => void ask(), PROBE_MS);
}

/** Told when the gateway answers again, so that what failed is asked anew. */
export function onBack(listener: () => void): () => void {
  backListeners.add(listener);
  return () => backListeners.delete(listener);
}

export function useReachable(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => reachable,
  );
}

async function ask(): Promise<void> {
  probe = undefined;
  try {
    const response = await fetch("/health", { cache: "no-store" });
    if (response.ok) noteSuccess();
    else noteFailure();
  } catch {
    noteFailure();
  }
}

function set(next: boolean): void {
  if (reachable === next) return;
  reachable = next;
  listeners.forEach((listener) => listener());
}

// The browser knows at once when the line is cut or back.
if (typeof window !== "undefined") {
  window.addEventListener("offline", noteFailure);
  window.addEventListener("online", () => void ask());
}
