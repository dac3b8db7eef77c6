// A new record of any resource.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { IconArrowLeft } from "@tabler/icons-react";
import { Suspense, useState } from "react";
import type { AnyMessage } from "../api/wire";
import { useMe } from "../app/session";
import { NotFound } from "../app/PageFailed";
import { RequestForm } from "../form/RequestForm";
import { useI18n } from "../i18n";
import type { Entity } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { Prose } from "../ui/Prose";
import { briefly, commentOf } from "../schema/comments";
import { tell } from "../ui/notify";
import { PageTitle } from "../ui/PageTitle";
import { tellChanges } from "../api/changes";
import { recordIn, secretIn } from "./answers";
import { creationsOf } from "./creations";
import { DetailBones } from "./DetailBones";
import { ownPart } from "./own-parts";
import { GivenSecret } from "./GivenSecret";
import { idOf, keepRecord } from "./records";
import { WithEntity } from "./useResource";

export function CreatePage() {
  const search: { by?: string } = useSearch({ strict: false });
  return (
    <WithEntity>
      {(entity) => <Creation key={entity.typeName + (search.by ?? "")} entity={entity} by={search.by} />}
    </WithEntity>
  );
}

function Creation({ entity, by }: { entity: Entity; by: string | undefined }) {
  const { t, label, plural } = useI18n();
  const { may } = useMe();
  const navigate = useNavigate();
  /** The answer whose secret is being shown. */
  const [answer, setAnswer] = useState<AnyMessage | undefined>();
  const ways = creationsOf(entity).filter((method) => mayCall(may, method));
  const method = by === undefined ? ways[0] : ways.find(({ name }) => name === by);
  if (!method) return <NotFound />;
  const Own = method === creationsOf(entity)[0] ? ownPart("create", entity.typeName) : undefined;
  if (Own) {
    return (
      <Suspense fallback={<DetailBones />}>
        <Own entity={entity} />
      </Suspense>
    );
  }
  const goOn = (given: AnyMessage) => {
    const made = recordIn(entity, method.output, given);
    if (made) keepRecord(entity, made);
    else tellChanges(new Map([[entity.typeName, new Set()]]));
    void navigate({ to: made ? `${entity.path}/${idOf(made)}` : entity.path });
  };
  const creates = method === entity.methods.create;
  const title = creates ? t("form.new", { noun: label(entity.desc) }) : label(method);
  return (
    <div className="page form-page">
      <PageTitle>{title}</PageTitle>
      <p className="crumb">
        <Link to={entity.path} className="link">
          <IconArrowLeft size={13} aria-hidden /> {plural(entity.typeName)}
        </Link>
      </p>
      <div className="page-head">
        <h1>{title}</h1>
      </div>
      {creates ? null : (
        <p className="help" lang="en">
          <Prose text={briefly(commentOf(method))} />
        </p>
      )}
      <RequestForm
        entity={entity}
        method={method}
        submit={creates ? t("form.create") : label(method)}
        onCancel={() => void navigate({ to: entity.path })}
        onDone={(given) => {
          tell(creates ? t("record.created") : t("record.actionDone", { name: label(method) }));
          // What is shown but once must be seen before the page is left.
          if (secretIn(method.output, given)) setAnswer(given);
          else goOn(given);
        }}
      />
      {answer ? (
        <Suspense>
          <GivenSecret secret={secretIn(method.output, answer)} onClose={() => goOn(answer)} />
        </Suspense>
      ) : null}
    </div>
  );
}
