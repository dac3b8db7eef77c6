// Somebody else was quicker: both versions, field by field, and one's own choice.
import { Button, Modal } from "@mantine/core";
import "../theme/overlays.css";
import { useMemo, useState } from "react";
import "../form/form.css";
import type { AnyMessage } from "../api/wire";
import { changedFields, choiceKey, draftOf, messageOf } from "../form/draft";
import type { Draft, DraftMessage, Typing } from "../form/draft";
import { useI18n } from "../i18n";
import { isBookkeeping, isPlumbing } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { useWriting } from "../ui/zone";
import { valueOf } from "./records";
import { textOf } from "./text";

export type Side = "mine" | "theirs";

interface Props {
  readonly entity: Entity;
  /** What both began with. */
  readonly base: AnyMessage;
  readonly theirs: AnyMessage;
  readonly mine: DraftMessage;
  readonly typing: Typing;
  onChoose: (merged: DraftMessage) => void;
  onDiscard: () => void;
  onCancel: () => void;
}

/** Their version with one's own fields put in where they were chosen. */
export function merge(
  fields: readonly FieldModel[],
  theirs: DraftMessage,
  mine: DraftMessage,
  side: (name: string) => Side,
): DraftMessage {
  const merged: Record<string, Draft> = { ...theirs };
  for (const field of fields) {
    if (side(field.name) !== "mine") continue;
    merged[field.name] = mine[field.name] ?? null;
    if (field.oneof) merged[choiceKey(field.oneof)] = mine[choiceKey(field.oneof)] ?? "";
  }
  return merged;
}

export function ConflictDialog({ entity, base, theirs, mine, typing, onChoose, onDiscard, onCancel }: Props) {
  const { t, label } = useI18n();
  const writing = useWriting();
  const drafts = useMemo(
    () => ({ base: draftOf(entity.desc, base, typing), theirs: draftOf(entity.desc, theirs, typing) }),
    [entity, base, theirs, typing],
  );
  const [own] = messageOf(entity.desc, mine, typing);
  const changedByMe = new Set(changedFields(entity.desc, drafts.base, mine));
  const changedByThem = new Set(changedFields(entity.desc, drafts.base, drafts.theirs));
  const fields = entity.fields.filter(
    (field) =>
      (changedByMe.has(field) || changedByThem.has(field)) &&
      !isPlumbing(field) &&
      !isBookkeeping(field) &&
      !field.outputOnly,
  );
  const [chosen, setChosen] = useState<Readonly<Record<string, Side>>>({});
  const side = (name: string): Side =>
    chosen[name] ?? ([...changedByMe].some((field) => field.name === name) ? "mine" : "theirs");
  const text = (field: FieldModel, message: AnyMessage) => textOf(field, valueOf(field, message), writing) || "–";
  return (
    <Modal
      opened
      onClose={onCancel}
      title={t("conflict.title")}
      size="xl"
      closeButtonProps={{ "aria-label": t("keys.close") }}
    >
      <p className="soft">{t("conflict.hint")}</p>
      <div className="conflict">
        {fields.map((field) => (
          <fieldset key={field.name}>
            <legend>
              {label(field.desc)} <span className="soft">{t("conflict.before", { value: text(field, base) })}</span>
            </legend>
            {(["mine", "theirs"] as const).map((one) => (
              <label key={one} data-chosen={side(field.name) === one}>
                <input
                  type="radio"
                  name={`conflict-${field.name}`}
                  checked={side(field.name) === one}
                  onChange={() => setChosen((now) => ({ ...now, [field.name]: one }))}
                />
                <span>
                  <small>{t(`conflict.${one}`)}</small>
                  {text(field, one === "mine" ? own : theirs)}
                </span>
              </label>
            ))}
          </fieldset>
        ))}
      </div>
      <div className="form-foot">
        <Button variant="subtle" color="gray" onClick={onDiscard}>
          {t("conflict.takeTheirs")}
        </Button>
        <span style={{ flex: 1 }} />
        <Button variant="default" onClick={onCancel}>
          {t("form.cancel")}
        </Button>
        <Button data-autofocus onClick={() => onChoose(merge(fields, drafts.theirs, mine, side))}>
          {t("conflict.save")}
        </Button>
      </div>
    </Modal>
  );
}
