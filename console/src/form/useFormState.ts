// A form's draft: kept beside the page, so that an accidental reload loses nothing, and compared with where it began.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { DescMessage } from "@bufbuild/protobuf";
import { fieldsOf } from "../schema/fields";
import { useLeaveGuard } from "./useLeaveGuard";
import { withPlace } from "./draft";
import type { Draft, DraftMessage } from "./draft";

const PAUSE_MS = 150;

export interface FormState {
  readonly draft: DraftMessage;
  readonly dirty: boolean;
  /** True when the draft is one that was found from before. */
  readonly restored: boolean;
  set: (path: readonly (string | number)[], value: Draft) => void;
  replace: (draft: DraftMessage) => void;
  /** Back to the beginning. */
  discard: () => void;
  /** The draft was sent: leaving needs no question any longer. */
  done: () => void;
}

interface Kept {
  readonly draft: DraftMessage;
  /** What the draft is a change of, in the form's own words; absent for what is new. */
  readonly base?: string;
}

function placeOf(key: string): string {
  return `tessera.draft.${key}`;
}

/** What a draft that was kept is a change of; undefined where there is none. */
export function keptBase(key: string): string | undefined {
  return restore(placeOf(key))?.base;
}

/**
 * `key` names the form; `message` tells which fields are secret and must not be kept. `base` is kept with the draft: what
 * others have changed meanwhile is found out only by comparing with what one began with.
 */
export function useFormState(key: string, message: DescMessage, initial: DraftMessage, base?: string): FormState {
  const place = placeOf(key);
  const [found] = useState(() => {
    const kept = restore(place);
    return kept?.base === base ? kept : undefined;
  });
  const [draft, setDraft] = useState<DraftMessage>(() => (found ? { ...initial, ...found.draft } : initial));
  const sent = useRef(false);
  const dirty = useMemo(() => JSON.stringify(draft) !== JSON.stringify(initial), [draft, initial]);
  useEffect(() => {
    const timer = setTimeout(() => {
      if (sent.current) return;
      const kept: Kept = { draft: withoutSecrets(message, draft), ...(base === undefined ? {} : { base }) };
      if (dirty) sessionStorage.setItem(place, JSON.stringify(kept));
      else sessionStorage.removeItem(place);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft, dirty, place, message, base]);
  useLeaveGuard(dirty, sent, () => sessionStorage.removeItem(place));
  const set = useCallback((path: readonly (string | number)[], value: Draft) => {
    setDraft((now) => withPlace(now, path, value) as DraftMessage);
  }, []);
  return {
    draft,
    dirty,
    restored: found !== undefined && dirty,
    set,
    replace: setDraft,
    discard: () => {
      sessionStorage.removeItem(place);
      setDraft(initial);
    },
    done: () => {
      sent.current = true;
      sessionStorage.removeItem(place);
    },
  };
}

function restore(place: string): Kept | undefined {
  const text = sessionStorage.getItem(place);
  return text === null ? undefined : (JSON.parse(text) as Kept);
}

/** Passwords and keys are typed again rather than left lying about. */
function withoutSecrets(message: DescMessage, draft: DraftMessage): DraftMessage {
  const kept: Record<string, Draft> = { ...draft };
  for (const field of fieldsOf(message)) {
    const inner = kept[field.name];
    if (field.secret) kept[field.name] = "";
    else if (field.shape === "single" && field.kind === "message" && field.message && inner) {
      kept[field.name] = withoutSecrets(field.message, inner as DraftMessage);
    }
  }
  return kept;
}
