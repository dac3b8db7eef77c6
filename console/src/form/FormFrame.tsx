// The frame of a form: inputs, what is wrong, and the buttons.
import { Button } from "@mantine/core";
import { useEffect, useMemo, useRef } from "react";
import type { ReactNode } from "react";
import "./form.css";
import { useKeys } from "../app/keys";
import { useMe, useModel } from "../app/session";
import { useI18n } from "../i18n";
import { ErrorNotice } from "../ui/ErrorNotice";
import { useTimeZone } from "../ui/zone";
import { FormProvider } from "./context";
import { useFirstFocus } from "./useFirstFocus";
import type { Typing } from "./draft";
import type { Errors } from "./useErrors";
import type { FormState } from "./useFormState";

/** How the user types amounts, numbers and times. */
export function useTyping(): Typing {
  const { locale } = useI18n();
  const { tenant } = useMe();
  const timeZone = useTimeZone();
  const currency = tenant.baseCurrency;
  return useMemo(() => ({ locale, timeZone, currency }), [locale, timeZone, currency]);
}

interface Props {
  readonly form: FormState;
  readonly errors: Errors;
  readonly typing: Typing;
  readonly editing?: boolean;
  readonly busy: boolean;
  readonly submit: string;
  readonly danger?: boolean;
  /** Paths that have an input; what is wrong elsewhere is said above. */
  readonly children: ReactNode;
  onSubmit: () => void;
  onCancel: () => void;
}

export function FormFrame({
  form,
  errors,
  typing,
  editing = false,
  busy,
  submit,
  danger = false,
  children,
  onSubmit,
  onCancel,
}: Props) {
  const { t } = useI18n();
  const { registry } = useModel();
  const frame = useRef<HTMLFormElement>(null);
  const { set } = form;
  const context = useMemo(
    () => ({ registry, typing, editing, set, errorAt: errors.at }),
    [registry, typing, editing, set, errors.at],
  );
  useKeys([
    { keys: "mod+Enter", does: "keys.save", group: "keys.record", inInputs: true, run: () => onSubmit() },
    { keys: "mod+s", does: "keys.save", group: "keys.record", inInputs: true, run: () => onSubmit() },
  ]);
  useFirstFocus(frame);
  // The first thing that is wrong is where one goes on typing.
  useEffect(() => {
    if (errors.byPath.size > 0) frame.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [errors.byPath]);
  const unplaced = [...errors.byPath].filter(([path]) => !hasInput(frame.current, path));
  return (
    <form
      ref={frame}
      noValidate
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {form.restored ? (
        <p className="restored" role="status">
          {t("form.restored")}{" "}
          <button type="button" className="plain link" onClick={form.discard}>
            {t("form.discard")}
          </button>
        </p>
      ) : null}
      <FormProvider value={context}>{children}</FormProvider>
      {errors.thrown === undefined ? null : <ErrorNotice error={errors.thrown} fields={false} />}
      {errors.byPath.size > 0 ? (
        <div role="alert" className="field-error">
          {t("form.violations")}
          {unplaced.map(([path, text]) => (
            <div key={path}>
              <code>{path}</code> {text}
            </div>
          ))}
        </div>
      ) : null}
      <div className="form-foot">
        <Button variant="default" onClick={onCancel}>
          {t("form.cancel")}
        </Button>
        <Button type="submit" loading={busy} {...(danger ? { color: "red.8" } : {})}>
          {submit}
        </Button>
      </div>
    </form>
  );
}

/**
 * Whether what is wrong at a path is said at an input: one says what is wrong inside it, too, but a group of inputs
 * (`data-group`) only what is wrong with itself.
 */
function hasInput(frame: HTMLElement | null, path: string): boolean {
  if (frame?.querySelector(`[data-group="${CSS.escape(path)}"]`)) return true;
  for (let part = path; part !== ""; part = part.replace(/(\.[^.[]*|\[[^\]]*\])$/, "")) {
    if (frame?.querySelector(`[data-field="${CSS.escape(part)}"]`)) return true;
    if (!/[.[]/.test(part)) break;
  }
  return false;
}
