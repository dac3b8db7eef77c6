// The inputs for the fields of a message, however deep.
import { ActionIcon, Button, Fieldset, NativeSelect } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { DescMessage } from "@bufbuild/protobuf";
import { useI18n } from "../i18n";
import { commentOf } from "../schema/comments";
import { fieldsOf, isPlumbing } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import { Prose } from "../ui/Prose";
import { useForm } from "./context";
import type { Place } from "./context";
import { choiceKey, emptyItem } from "./draft";
import type { Draft, DraftMessage } from "./draft";
import { LocalizedInput, MapInput } from "./pairs";
import { SimpleInput } from "./SimpleInput";

/** Fields that a form has inputs for. */
export function editable(message: DescMessage, skip: readonly string[] = []): readonly FieldModel[] {
  return fieldsOf(message).filter(
    (field) => !field.outputOnly && !isPlumbing(field) && field.kind !== "bytes" && !skip.includes(field.name),
  );
}

interface Props {
  readonly message: DescMessage;
  readonly draft: DraftMessage;
  readonly at: Place;
  /** Names of fields that are known from elsewhere. */
  readonly skip?: readonly string[];
}

export function FormFields({ message, draft, at, skip = [] }: Props) {
  const fields = editable(message, skip);
  const seen = new Set<string>();
  return (
    <div className="form-grid">
      {fields.map((field) => {
        if (!field.oneof)
          return (
            <FieldInput key={field.name} field={field} draft={draft[field.name] ?? null} at={inside(at, field.name)} />
          );
        if (seen.has(field.oneof.name)) return null;
        seen.add(field.oneof.name);
        return (
          <OneofInput
            key={field.oneof.name}
            fields={fields.filter((one) => one.oneof === field.oneof)}
            draft={draft}
            at={at}
          />
        );
      })}
    </div>
  );
}

function inside({ path, name }: Place, field: string): Place {
  return { path: [...path, field], name: name ? `${name}.${field}` : field };
}

export function FieldInput({ field, draft, at }: { field: FieldModel; draft: Draft; at: Place }) {
  if (field.shape === "map") return <MapInput field={field} pairs={draft} at={at} />;
  if (field.shape === "list") return <ListInput field={field} items={draft as readonly Draft[]} at={at} />;
  if (field.kind === "localized") return <LocalizedInput field={field} draft={draft as DraftMessage | null} at={at} />;
  if (field.kind === "message") return <MessageInput field={field} draft={draft as DraftMessage | null} at={at} />;
  return <SimpleInput field={field} draft={draft} at={at} />;
}

/** A message inside: what may be absent is added and removed as a whole. */
function MessageInput({ field, draft, at }: { field: FieldModel; draft: DraftMessage | null; at: Place }) {
  const { t, label } = useI18n();
  const { set, typing, errorAt } = useForm();
  const text = label(field.desc);
  const error = errorAt(at.name);
  if (!field.message) return null;
  if (draft === null) {
    return (
      <div className="wide" data-group={at.name}>
        <Button
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => set(at.path, emptyItem(field, typing))}
        >
          {t("form.addTo", { name: text })}
        </Button>
        {error ? <p className="field-error">{error}</p> : null}
      </div>
    );
  }
  return (
    <Fieldset className="wide" legend={text} data-group={at.name}>
      <Help field={field} />
      <FormFields message={field.message} draft={draft} at={at} />
      {error ? <p className="field-error">{error}</p> : null}
      {field.required ? null : (
        <Button variant="subtle" color="gray" mt={8} onClick={() => set(at.path, null)}>
          {t("form.remove")}
        </Button>
      )}
    </Fieldset>
  );
}

/** Many of one kind, each with its own inputs. */
function ListInput({ field, items, at }: { field: FieldModel; items: readonly Draft[]; at: Place }) {
  const { t, label } = useI18n();
  const { set, typing, errorAt } = useForm();
  const text = label(field.desc);
  const item: FieldModel = { ...field, shape: "single", required: false };
  const error = errorAt(at.name);
  return (
    <Fieldset className="wide" legend={field.required ? `${text} *` : text} data-group={at.name}>
      <Help field={field} />
      {items.map((one, place) => {
        const where = { path: [...at.path, place], name: `${at.name}[${place}]` };
        return (
          <div key={place} className="list-item">
            {field.kind === "message" && field.message ? (
              <FormFields message={field.message} draft={one as DraftMessage} at={where} />
            ) : (
              <SimpleInput field={item} draft={one} at={where} hiddenLabel={`${text} ${place + 1}`} />
            )}
            <ActionIcon
              aria-label={`${t("form.remove")}: ${text} ${place + 1}`}
              onClick={() =>
                set(
                  at.path,
                  items.filter((_, other) => other !== place),
                )
              }
            >
              <IconTrash size={15} />
            </ActionIcon>
          </div>
        );
      })}
      {error ? <p className="field-error">{error}</p> : null}
      <Button
        variant="default"
        leftSection={<IconPlus size={14} aria-hidden />}
        aria-label={t("form.addTo", { name: text })}
        onClick={() => set(at.path, [...items, emptyItem(item, typing)])}
      >
        {t("form.add")}
      </Button>
    </Fieldset>
  );
}

/** One of several: the choice first, then what it needs. */
function OneofInput({ fields, draft, at }: { fields: readonly FieldModel[]; draft: DraftMessage; at: Place }) {
  const { t, label } = useI18n();
  const { set, typing } = useForm();
  const oneof = fields[0]?.oneof;
  if (!oneof) return null;
  const key = choiceKey(oneof);
  const chosen = fields.find(({ name }) => name === draft[key]);
  return (
    <Fieldset className="wide" legend={label(oneof)}>
      <NativeSelect
        aria-label={label(oneof)}
        value={chosen?.name ?? ""}
        data={[
          { value: "", label: t("form.none") },
          ...fields.map((field) => ({ value: field.name, label: label(field.desc) })),
        ]}
        onChange={(event) => {
          const next = fields.find(({ name }) => name === event.currentTarget.value);
          set([...at.path, key], next?.name ?? "");
          // A message that is chosen is there, even before anything is typed.
          if (next && (draft[next.name] ?? null) === null) set([...at.path, next.name], emptyItem(next, typing));
        }}
      />
      {chosen ? (
        <FieldInput
          field={{ ...chosen, required: true }}
          draft={draft[chosen.name] ?? null}
          at={inside(at, chosen.name)}
        />
      ) : null}
    </Fieldset>
  );
}

function Help({ field }: { field: FieldModel }) {
  const { help: helpOf } = useI18n();
  const help = helpOf(field.desc, commentOf(field.desc));
  return help ? (
    <p className="help">
      <Prose text={help} />
    </p>
  ) : null;
}
