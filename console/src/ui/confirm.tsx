// Asks before what cannot be undone. A promise, so that callers read like what they do.
import { Button, Modal } from "@mantine/core";
import { useSyncExternalStore } from "react";

interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly no: string;
  readonly danger?: boolean;
}

let asked: { question: Question; answer: (yes: boolean) => void } | undefined;
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

function set(next: typeof asked): void {
  asked = next;
  listeners.forEach((listener) => listener());
}

/** Stands once in the shell. */
export function ConfirmHost() {
  const now = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => asked,
  );
  if (!now) return null;
  const { question, answer } = now;
  return (
    <Modal opened onClose={() => answer(false)} title={question.title} size="sm" withCloseButton={false}>
      <p style={{ margin: "0 0 18px" }}>{question.text}</p>
      <div className="row" style={{ justifyContent: "flex-end" }}>
        <Button variant="default" onClick={() => answer(false)}>
          {question.no}
        </Button>
        <Button {...(question.danger ? { color: "red.8" } : {})} data-autofocus onClick={() => answer(true)}>
          {question.yes}
        </Button>
      </div>
    </Modal>
  );
}
