// Changing a record of any resource: only what was changed is sent, and nobody's change is lost.
import { Link, useNavigate } from "@tanstack/react-router";
import { IconArrowLeft } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import type { DescMethodUnary, Registry } from "@bufbuild/protobuf";
import { TesseraError } from "@client/error";
import { invoke } from "../api/wire";
import type { AnyMessage } from "../api/wire";
import { useMe, useModel } from "../app/session";
import { NotFound } from "../app/PageFailed";
import { changedFields, draftOf, messageOf } from "../form/draft";
import type { DraftMessage } from "../form/draft";
import { FormFields } from "../form/FormFields";
import { FormFrame, useTyping } from "../form/FormFrame";
import { loadValidator } from "../form/rules";
import { useErrors } from "../form/useErrors";
import { keptBase, useFormState } from "../form/useFormState";
import { useI18n } from "../i18n";
import { holderOf } from "../schema/model";
import type { Entity } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { ErrorNotice } from "../ui/ErrorNotice";
import { tell } from "../ui/notify";
import { PageTitle } from "../ui/PageTitle";
import { ConflictDialog } from "./ConflictDialog";
import { DetailBones } from "./DetailBones";
import { getRecord, keepRecord, useRecord } from "./records";
import { titleOf } from "./text";
import { WithEntity } from "./useResource";

export function EditPage() {
  return <WithEntity>{(entity, id) => <Loaded key={`${entity.typeName}/${id}`} entity={entity} id={id} />}</WithEntity>;
}

function Loaded({ entity, id }: { entity: Entity; id: string }) {
  const { may } = useMe();
  const { data, error } = useRecord(entity, id);
  // What others change meanwhile must not change under one's hands; saving finds it out.
  const [first, setFirst] = useState<AnyMessage | undefined>();
  if (data && !first) setFirst(data);
  const method = entity.methods.update;
  if (!method || !mayCall(may, method)) return <NotFound />;
  if (error && !first) {
    return (
      <div className="page">
        <ErrorNotice error={error} />
      </div>
    );
  }
  return first ? <Edit entity={entity} method={method} id={id} record={first} /> : <DetailBones />;
}

/** The version that a draft found from before is a change of: saving it as a change of the newest would undo others'. */
function baseOf(entity: Entity, text: string | undefined, registry: Registry): AnyMessage | undefined {
  try {
    return text === undefined ? undefined : fromJsonString(entity.desc, text, { registry });
  } catch {
    // The contracts were others then.
    return undefined;
  }
}

interface Conflict {
  readonly theirs: AnyMessage;
  readonly mine: DraftMessage;
}

function Edit({
  entity,
  method,
  id,
  record,
}: {
  entity: Entity;
  method: DescMethodUnary;
  id: string;
  record: AnyMessage;
}) {
  const { t, locale, plural } = useI18n();
  const { may } = useMe();
  const { registry } = useModel();
  const navigate = useNavigate();
  const typing = useTyping();
  const errors = useErrors();
  const key = `${entity.typeName}/${id}`;
  const [base, setBase] = useState(() => baseOf(entity, keptBase(key), registry) ?? record);
  const [busy, setBusy] = useState(false);
  const [conflict, setConflict] = useState<Conflict | undefined>();
  const holder = holderOf(method.input, entity.desc);
  const initial = useMemo(() => draftOf(entity.desc, base, typing), [entity, base, typing]);
  const baseText = useMemo(() => toJsonString(entity.desc, base, { registry }), [entity, base, registry]);
  const form = useFormState(key, entity.desc, initial, baseText);
  const skip = useMemo(
    () => ["id", ...entity.fields.filter(({ readPermission }) => !may(readPermission)).map(({ name }) => name)],
    [entity, may],
  );
  const back = `${entity.path}/${id}`;
  const title = titleOf(entity, base, locale);
  const name = holder?.name ?? "";

  const send = async (draft: DraftMessage, before: AnyMessage) => {
    const [message, problems] = messageOf(entity.desc, draft, typing, `${name}.`);
    const paths = changedFields(entity.desc, draftOf(entity.desc, before, typing), draft).map((field) => field.name);
    if (paths.length === 0) {
      tell(t("form.unchanged"));
      form.done();
      await navigate({ to: back });
      return;
    }
    const request = create(method.input, {
      [holder?.localName ?? ""]: { ...message, id, etag: before["etag"] },
      updateMask: { paths },
    }) as AnyMessage;
    const validate = await loadValidator(registry);
    if (!errors.check(problems, validate(method.input, request))) return;
    const answer = await invoke(method, request);
    form.done();
    keepRecord(entity, answer);
    tell(t("record.saved"));
    await navigate({ to: back });
  };
  const save = (draft: DraftMessage, before: AnyMessage) => {
    if (busy) return;
    setBusy(true);
    send(draft, before)
      .catch(async (error: unknown) => {
        if (!(error instanceof TesseraError) || error.reason !== "STALE_ETAG") throw error;
        setConflict({ theirs: await getRecord(entity, id), mine: draft });
      })
      .catch((error: unknown) => errors.take(error))
      .finally(() => setBusy(false));
  };
  return (
    <div className="page form-page">
      <PageTitle>{t("form.edit", { name: title })}</PageTitle>
      <p className="crumb">
        <Link to={entity.path} className="link">
          <IconArrowLeft size={13} aria-hidden /> {plural(entity.typeName)}
        </Link>
      </p>
      <div className="page-head">
        <h1>{t("form.edit", { name: title })}</h1>
      </div>
      <FormFrame
        form={{
          ...form,
          discard: () => {
            form.discard();
            // What was typed was a change of an older version, perhaps; one begins with the newest.
            setBase(record);
            form.replace(draftOf(entity.desc, record, typing));
          },
        }}
        errors={errors}
        typing={typing}
        editing
        busy={busy}
        submit={t("form.save")}
        onSubmit={() => save(form.draft, base)}
        onCancel={() => void navigate({ to: back })}
      >
        <FormFields message={entity.desc} draft={form.draft} at={{ path: [], name }} skip={skip} />
      </FormFrame>
      {conflict ? (
        <ConflictDialog
          entity={entity}
          base={base}
          theirs={conflict.theirs}
          mine={conflict.mine}
          typing={typing}
          onCancel={() => setConflict(undefined)}
          onDiscard={() => {
            form.done();
            keepRecord(entity, conflict.theirs);
            void navigate({ to: back });
          }}
          onChoose={(merged) => {
            setConflict(undefined);
            setBase(conflict.theirs);
            form.replace(merged);
            save(merged, conflict.theirs);
          }}
        />
      ) : null}
    </div>
  );
}
