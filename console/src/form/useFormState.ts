// A form's draft: kept beside the page, so that an accidental reload loses nothing, and compared with where it began.
import { useBlocker } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { DescMessage } from "@bufbuild/protobuf";
import { useI18n } from "../i18n";
import { fieldsOf } from "../schema/fields";
import { confirm } from "../ui/confirm";
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
}

/** `key` names the form; `message` tells which fields are secret and must not be kept. */
export function useFormState(key: string, message: DescMessage, initial: DraftMessage): FormState {
  const { t } = useI18n();
  const place = `tessera.draft.${key}`;
  const [found] = useState(() => restore(place));
  const [draft, setDraft] = useState<DraftMessage>(() => (found ? { ...initial, ...found.draft } : initial));
  const sent = useRef(false);
  const dirty = useMemo(() => JSON.stringify(draft) !== JSON.stringify(initial), [draft, initial]);
  useEffect(() => {
    const timer = setTimeout(() => {
      if (sent.current) return;
      if (dirty)
        sessionStorage.setItem(place, JSON.stringify({ draft: withoutSecrets(message, draft) } satisfies Kept));
      else sessionStorage.removeItem(place);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft, dirty, place, message]);
  useBlocker({
    shouldBlockFn: async () => {
      if (sent.current || !dirty) return false;
      const leave = await confirm({
        title: t("form.leave"),
        text: t("form.leaveHint"),
        yes: t("form.leaveYes"),
        no: t("form.leaveNo"),
      });
      if (leave) sessionStorage.removeItem(place);
      sent.current = leave;
      return !leave;
    },
    enableBeforeUnload: () => dirty && !sent.current,
  });
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
