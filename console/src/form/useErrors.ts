// What is wrong with a form, by the paths of its fields: found here before sending, and said by the server after.
import { useCallback, useMemo, useState } from "react";
import { TesseraError } from "@client/error";
import type { Key } from "../i18n";
import { useI18n } from "../i18n";
import type { Problem, ProblemKind } from "./draft";
import type { Violation } from "./rules";

const TEXTS: Readonly<Record<ProblemKind, Key>> = {
  required: "form.required",
  number: "form.badNumber",
  money: "form.badMoney",
  currency: "form.badCurrency",
  date: "form.badDate",
  json: "form.badJson",
  duration: "form.badDuration",
};

export interface Errors {
  readonly byPath: ReadonlyMap<string, string>;
  readonly thrown: unknown;
  at: (path: string, deep?: boolean) => string | undefined;
  /** Takes what was found before sending; true when there is nothing. */
  check: (problems: readonly Problem[], violations: readonly Violation[]) => boolean;
  /** Takes what the server said. */
  take: (thrown: unknown) => void;
  clear: () => void;
}

export function useErrors(): Errors {
  const { t, rule: ruleText } = useI18n();
  const [byPath, setByPath] = useState<ReadonlyMap<string, string>>(new Map());
  const [thrown, setThrown] = useState<unknown>();
  const at = useCallback(
    (path: string, deep = false) => {
      const own = byPath.get(path);
      if (own !== undefined || !deep) return own;
      for (const [one, text] of byPath) if (one.startsWith(`${path}.`) || one.startsWith(`${path}[`)) return text;
      return undefined;
    },
    [byPath],
  );
  const check = useCallback(
    (problems: readonly Problem[], violations: readonly Violation[]) => {
      const found = new Map<string, string>();
      for (const { path, kind } of problems) if (!found.has(path)) found.set(path, t(TEXTS[kind]));
      for (const { path, rule, message } of violations) if (!found.has(path)) found.set(path, ruleText(rule, message));
      setByPath(found);
      setThrown(undefined);
      return found.size === 0;
    },
    [t, ruleText],
  );
  const take = useCallback(
    (error: unknown) => {
      setThrown(error);
      if (!(error instanceof TesseraError)) return;
      setByPath(new Map(error.violations.map(({ field, rule, description }) => [field, ruleText(rule, description)])));
    },
    [ruleText],
  );
  const clear = useCallback(() => {
    setByPath(new Map());
    setThrown(undefined);
  }, []);
  return useMemo(() => ({ byPath, thrown, at, check, take, clear }), [byPath, thrown, at, check, take, clear]);
}
