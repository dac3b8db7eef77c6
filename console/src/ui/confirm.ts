// Asks before what cannot be undone. A promise, so that callers read like what they do.
import { useSyncExternalStore } from "react";

export interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly no: string;
  readonly danger?: boolean;
}

export interface Asked {
  readonly question: Question;
  answer: (yes: boolean) => void;
}

let asked: Asked | undefined;
const listeners = new Set<() => void>();

export function confirm(question: Question): Promise<boolean> {
  asked?.answer(false);
  return new Promise((resolve) => {
    set({
      question,
      answer: (yes) => {
        set(undefined);
        resolve(yes);
      },
    });
  });
}

/** What is asked now; the shell shows it. */
export function useAsked(): Asked | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => asked,
  );
}

function set(next: Asked | undefined): void {
  asked = next;
  listeners.forEach((listener) => listener());
}
