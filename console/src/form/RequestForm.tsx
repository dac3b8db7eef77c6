// The form of any method, made from its request.
import { useMemo, useState } from "react";
import { create } from "@bufbuild/protobuf";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { invoke } from "../api/wire";
import type { AnyMessage } from "../api/wire";
import { useMe, useModel } from "../app/session";
import { useI18n } from "../i18n";
import { isDestructive } from "../resource/danger";
import { fieldsOf } from "../schema/fields";
import { holderOf, idFieldOf } from "../schema/model";
import type { Entity } from "../schema/model";
import { emptyItem, emptyMessage, messageOf } from "./draft";
import type { Draft, DraftMessage } from "./draft";
import { FormFields } from "./FormFields";
import { FormFrame, useTyping } from "./FormFrame";
import { loadValidator } from "./rules";
import { useErrors } from "./useErrors";
import { useFormState } from "./useFormState";

interface Props {
  readonly entity: Entity;
  readonly method: DescMethodUnary;
  /** The record that the method is for; absent: none. */
  readonly id?: string;
  readonly etag?: string;
  readonly submit: string;
  onDone: (answer: AnyMessage) => void;
  onCancel: () => void;
}

export function RequestForm({ entity, method, id, etag, submit, onDone, onCancel }: Props) {
  const { registry } = useModel();
  const { may } = useMe();
  const typing = useTyping();
  const errors = useErrors();
  const { t } = useI18n();
  const [busy, setBusy] = useState(false);
  const { input } = method;
  const holder = holderOf(input, entity.desc);
  const idField = id === undefined ? undefined : idFieldOf(input, entity.desc);
  const initial = useMemo(() => firstDraft(method, entity, typing), [method, entity, typing]);
  const form = useFormState(`${method.parent.typeName}/${method.name}/${id ?? "new"}`, input, initial);
  const skip = useMemo(
    () => entity.fields.filter(({ readPermission }) => !may(readPermission)).map(({ name }) => name),
    [entity, may],
  );
  const send = async () => {
    const [message, problems] = messageOf(input, form.draft, typing);
    const known = { ...(idField ? { [idField.localName]: id } : {}), ...(etag && input.field["etag"] ? { etag } : {}) };
    const request = create(input, { ...message, ...known }) as AnyMessage;
    const validate = await loadValidator(registry);
    const own = problems.filter(({ path }) => path !== idField?.name);
    if (!errors.check(own, validate(input, request))) return;
    const answer = await invoke(method, request);
    form.done();
    onDone(answer);
  };
  const submitNow = () => {
    if (busy) return;
    setBusy(true);
    send()
      .catch((error: unknown) => errors.take(error))
      .finally(() => setBusy(false));
  };
  const danger = isDestructive(method);
  const hidden = [...(idField ? [idField.name] : []), ...(holder ? [holder.name] : []), ...skip];
  const others = fieldsOf(input).some(
    (field) => !hidden.includes(field.name) && !["request_id", "etag"].includes(field.name),
  );
  return (
    <FormFrame
      form={form}
      errors={errors}
      typing={typing}
      busy={busy}
      submit={submit}
      danger={danger}
      onSubmit={submitNow}
      onCancel={onCancel}
    >
      {holder?.message ? (
        <FormFields
          message={holder.message}
          draft={(form.draft[holder.name] ?? {}) as DraftMessage}
          at={{ path: [holder.name], name: holder.name }}
          skip={["id", ...skip]}
        />
      ) : null}
      {others ? <FormFields message={input} draft={form.draft} at={{ path: [], name: "" }} skip={hidden} /> : null}
      {holder === undefined && !others && danger ? <p className="soft">{t("record.deleteHard")}</p> : null}
    </FormFrame>
  );
}

/** What is needed is there from the beginning: the entity itself, and one line where lines are needed. */
function firstDraft(method: DescMethodUnary, entity: Entity, typing: ReturnType<typeof useTyping>): DraftMessage {
  const draft: Record<string, Draft> = { ...emptyMessage(method.input, typing) };
  const holder = holderOf(method.input, entity.desc);
  if (holder) draft[holder.name] = emptyMessage(entity.desc, typing);
  for (const field of fieldsOf(method.input)) {
    if (field.shape === "list" && field.required && field.kind === "message")
      draft[field.name] = [emptyItem(field, typing)];
    if (field.name === "currency_code" && field.shape === "single") draft[field.name] = typing.currency;
  }
  return draft;
}
