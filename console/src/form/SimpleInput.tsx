// One value: a text, a number, an amount, a day, a choice, a record of another kind.
import { Checkbox, NativeSelect, PasswordInput, Textarea, TextInput } from "@mantine/core";
import "../theme/inputs.css";
import { useI18n } from "../i18n";
import { ReferencePicker } from "../resource/ReferencePicker";
import { commentOf } from "../schema/comments";
import type { FieldModel } from "../schema/fields";
import { Prose } from "../ui/Prose";
import { useForm } from "./context";
import type { Place } from "./context";
import type { Draft, MoneyDraft } from "./draft";
import { maxLength } from "./rules";

/** Texts that may be longer than this get more than one line. */
const LONG = 300;

interface Props {
  readonly field: FieldModel;
  readonly draft: Draft;
  readonly at: Place;
  /** Says what it is to screen readers, where the list above says it to everybody else. */
  readonly hiddenLabel?: string;
}

export function SimpleInput({ field, draft, at, hiddenLabel }: Props) {
  const { t, label, help: helpOf } = useI18n();
  const { registry, typing, editing, set, errorAt } = useForm();
  const help = hiddenLabel === undefined ? helpOf(field.desc, commentOf(field.desc)) : "";
  const zone = field.kind === "time" ? t("form.timeZone", { zone: typing.timeZone }) : "";
  const text = label(field.desc);
  const common = {
    ...(hiddenLabel === undefined ? { label: text } : { "aria-label": hiddenLabel }),
    description: help || zone ? <Help text={help} more={zone} /> : undefined,
    error: errorAt(at.name, true),
    required: field.required,
    disabled: editing && field.immutable,
    "data-field": at.name,
  };
  const write = (event: { currentTarget: { value: string } }) => set(at.path, event.currentTarget.value);
  const value = typeof draft === "string" ? draft : "";
  switch (field.kind) {
    case "bool":
      return <BoolInput field={field} draft={draft} at={at} common={common} />;
    case "enum":
      return (
        <NativeSelect
          {...common}
          value={value}
          data={(field.enum?.values ?? []).map((one) => ({
            value: String(one.number),
            label: one.number === 0 ? t("form.none") : label(one),
          }))}
          onChange={write}
        />
      );
    case "reference":
      return (
        <ReferencePicker
          typeName={field.references}
          value={value}
          label={hiddenLabel ?? text}
          hiddenLabel={hiddenLabel !== undefined}
          description={common.description}
          error={common.error}
          required={field.required}
          disabled={common.disabled}
          data-field={at.name}
          onChange={(id) => set(at.path, id)}
        />
      );
    case "money":
      return <MoneyInput draft={draft as MoneyDraft} at={at} common={common} name={hiddenLabel ?? text} />;
    case "date":
      return <TextInput {...common} type="date" value={value} onChange={write} />;
    case "time":
      return <TextInput {...common} type="datetime-local" step={1} value={value} onChange={write} />;
    case "integer":
    case "number":
    case "decimal":
    case "duration":
      return (
        <TextInput
          {...common}
          className="number-input"
          inputMode="decimal"
          autoComplete="off"
          value={value}
          rightSection={field.kind === "duration" ? <span className="soft">s</span> : null}
          onChange={write}
        />
      );
    case "json":
      return (
        <Textarea {...common} className="mono wide" spellCheck={false} minRows={3} value={value} onChange={write} />
      );
    default: {
      if (field.secret) return <PasswordInput {...common} autoComplete="new-password" value={value} onChange={write} />;
      const length = maxLength(registry, field);
      const isLong = (length ?? 0) > LONG && !/(name|email|url|uri|code)/.test(field.name);
      if (isLong) return <Textarea {...common} className="wide" value={value} onChange={write} />;
      return <TextInput {...common} autoComplete="off" value={value} onChange={write} />;
    }
  }
}

type Common = Record<string, unknown>;

function BoolInput({ field, draft, at, common }: Omit<Props, "hiddenLabel"> & { common: Common }) {
  const { t } = useI18n();
  const { set } = useForm();
  if (!field.optional) {
    const { required, ...rest } = common;
    return (
      <Checkbox
        {...rest}
        aria-required={required === true}
        checked={draft === true}
        onChange={(event) => set(at.path, event.currentTarget.checked)}
      />
    );
  }
  return (
    <NativeSelect
      {...common}
      value={draft === null ? "" : String(draft === true)}
      data={[
        { value: "", label: t("form.none") },
        { value: "true", label: t("record.yes") },
        { value: "false", label: t("record.no") },
      ]}
      onChange={(event) => set(at.path, event.currentTarget.value === "" ? null : event.currentTarget.value === "true")}
    />
  );
}

function MoneyInput({ draft, at, common, name }: { draft: MoneyDraft; at: Place; common: Common; name: string }) {
  const { t } = useI18n();
  const { set } = useForm();
  return (
    <div className="money-input">
      <TextInput
        {...common}
        className="number-input"
        inputMode="decimal"
        autoComplete="off"
        value={draft.amount}
        onChange={(event) => set([...at.path, "amount"], event.currentTarget.value)}
      />
      <TextInput
        aria-label={`${name}: ${t("form.currency")}`}
        value={draft.currency}
        maxLength={3}
        disabled={common["disabled"] === true}
        onChange={(event) => set([...at.path, "currency"], event.currentTarget.value.toUpperCase())}
      />
    </div>
  );
}

function Help({ text, more }: { text: string; more: string }) {
  return (
    <>
      {text ? (
        <span className="help">
          <Prose text={text} />
        </span>
      ) : null}
      {more ? <span className="help"> {more}</span> : null}
    </>
  );
}
