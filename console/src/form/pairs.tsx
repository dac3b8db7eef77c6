// Maps, and texts in several languages.
import { ActionIcon, Button, Fieldset, Textarea, TextInput } from "@mantine/core";
import { IconLanguage, IconPlus, IconTrash } from "@tabler/icons-react";
import { useI18n } from "../i18n";
import { commentOf } from "../schema/comments";
import type { FieldModel } from "../schema/fields";
import { Prose } from "../ui/Prose";
import { useForm } from "./context";
import type { Place } from "./context";
import { emptyItem } from "./draft";
import type { Draft, DraftMessage, PairDraft } from "./draft";
import { SimpleInput } from "./SimpleInput";

export function MapInput({
  field,
  pairs,
  at,
  legend,
}: {
  field: FieldModel;
  pairs: Draft;
  at: Place;
  legend?: string;
}) {
  const { t, label, help: helpOf } = useI18n();
  const { set, typing, errorAt } = useForm();
  const text = legend ?? label(field.desc);
  const entries = (pairs ?? []) as unknown as readonly PairDraft[];
  const item: FieldModel = { ...field, shape: "single", required: false };
  // What is wrong with one pair stands there.
  const error = errorAt(at.name);
  const help = helpOf(field.desc, commentOf(field.desc));
  return (
    <Fieldset className="wide" legend={text} data-group={at.name}>
      {help ? (
        <p className="help">
          <Prose text={help} />
        </p>
      ) : null}
      {entries.map(({ key, value }, place) => (
        <div key={place} className="pair">
          <TextInput
            aria-label={`${text}: ${t("form.key")} ${place + 1}`}
            placeholder={t("form.key")}
            value={key}
            onChange={(event) => set([...at.path, place, "key"], event.currentTarget.value)}
          />
          <SimpleInput
            field={item}
            draft={value}
            at={{ path: [...at.path, place, "value"], name: `${at.name}["${key}"]` }}
            hiddenLabel={`${text}: ${t("form.value")} ${place + 1}`}
          />
          <ActionIcon
            aria-label={`${t("form.remove")}: ${text} ${place + 1}`}
            onClick={() =>
              set(
                at.path,
                entries.filter((_, other) => other !== place),
              )
            }
          >
            <IconTrash size={15} />
          </ActionIcon>
        </div>
      ))}
      {error ? <p className="field-error">{error}</p> : null}
      <Button
        variant="default"
        leftSection={<IconPlus size={14} aria-hidden />}
        aria-label={t("form.addTo", { name: text })}
        onClick={() => set(at.path, [...entries, { key: "", value: emptyItem(item, typing) }])}
      >
        {t("form.add")}
      </Button>
    </Fieldset>
  );
}

function typed(draft: Draft | undefined): string {
  return typeof draft === "string" ? draft : "";
}

/** The text in the company's own language; others on demand. */
export function LocalizedInput({ field, draft, at }: { field: FieldModel; draft: DraftMessage | null; at: Place }) {
  const { t, label, help: helpOf } = useI18n();
  const { set, typing, errorAt } = useForm();
  const [text, translations] = [field.message?.fields[0], field.message?.fields[1]];
  if (!field.message || !text) return null;
  const now = (draft ?? emptyItem(field, typing)) as DraftMessage;
  const pairs = (now[translations?.name ?? ""] ?? []) as unknown as readonly PairDraft[];
  const help = helpOf(field.desc, commentOf(field.desc));
  const write = (name: string, value: Draft) => {
    const next = { ...now, [name]: value };
    const isEmpty = next[text.name] === "" && pairs.length === 0 && name === text.name;
    set(at.path, isEmpty && !field.required ? null : next);
  };
  const isShort = /name|title|label|subject/.test(field.name);
  const Input = isShort ? TextInput : Textarea;
  return (
    <div className={pairs.length > 0 ? "wide" : undefined} data-group={at.name}>
      <Input
        data-field={`${at.name}.${text.name}`}
        label={label(field.desc)}
        description={help ? <Prose text={help} /> : undefined}
        error={errorAt(`${at.name}.${text.name}`, true) ?? errorAt(at.name)}
        required={field.required}
        value={typed(now[text.name])}
        onChange={(event: { currentTarget: { value: string } }) => write(text.name, event.currentTarget.value)}
      />
      {pairs.map(({ key, value }, place) => (
        <div key={place} className="pair" style={{ marginTop: 6 }}>
          <TextInput
            aria-label={`${label(field.desc)}: ${t("form.language")} ${place + 1}`}
            placeholder="de"
            value={key}
            onChange={(event) => set([...at.path, translations?.name ?? "", place, "key"], event.currentTarget.value)}
          />
          <TextInput
            aria-label={`${label(field.desc)}: ${t("form.translation")} ${place + 1}`}
            value={typed(value)}
            data-field={`${at.name}.${translations?.name ?? ""}["${key}"]`}
            error={errorAt(`${at.name}.${translations?.name ?? ""}["${key}"]`, true)}
            onChange={(event) => set([...at.path, translations?.name ?? "", place, "value"], event.currentTarget.value)}
          />
          <ActionIcon
            aria-label={`${t("form.remove")}: ${key}`}
            onClick={() =>
              write(
                translations?.name ?? "",
                pairs.filter((_, other) => other !== place),
              )
            }
          >
            <IconTrash size={15} />
          </ActionIcon>
        </div>
      ))}
      <Button
        variant="subtle"
        size="compact-xs"
        mt={4}
        leftSection={<IconLanguage size={13} aria-hidden />}
        onClick={() => write(translations?.name ?? "", [...pairs, { key: "", value: "" }])}
      >
        {t("form.addTo", { name: t("form.translation") })}
      </Button>
    </div>
  );
}
