// One record of any resource: its fields in groups, what belongs to it, and what was done to it.
import { Button, CopyButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { IconArrowLeft, IconCopy } from "@tabler/icons-react";
import { Suspense } from "react";
import "./record.css";
import type { TesseraError } from "@client/error";
import type { AnyMessage } from "../api/wire";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import { isSoftDeleted } from "../schema/model";
import type { Entity } from "../schema/model";
import { ErrorNotice } from "../ui/ErrorNotice";
import { LinkButton } from "../ui/LinkButton";
import { PageTitle } from "../ui/PageTitle";
import { DetailBones } from "./DetailBones";
import { ownPart, ownSections } from "./own-parts";
import { RecordActions } from "./RecordActions";
import { Fields } from "./Fields";
import { useRecord } from "./records";
import { Related } from "./Related";
import { History } from "./History";
import { titleOf } from "./text";
import { WithEntity } from "./useResource";

export function DetailPage() {
  return <WithEntity>{(entity, id) => <Detail key={`${entity.typeName}/${id}`} entity={entity} id={id} />}</WithEntity>;
}

function Detail({ entity, id }: { entity: Entity; id: string }) {
  const { data: record, error, refetch } = useRecord(entity, id);
  if (error && !record) return <NoRecord entity={entity} error={error} onRetry={() => void refetch()} />;
  if (!record) return <DetailBones />;
  const Own = ownPart("detail", entity.typeName);
  if (Own) {
    return (
      <Suspense fallback={<DetailBones />}>
        <Own entity={entity} record={record} id={id} />
      </Suspense>
    );
  }
  return (
    <div className="page detail">
      <RecordHead entity={entity} record={record} id={id} />
      <div className="detail-body">
        <div className="stack">
          {ownSections(entity.typeName).map((Section, place) => (
            <Suspense key={place} fallback={<span className="bone" />}>
              <Section entity={entity} record={record} id={id} />
            </Suspense>
          ))}
          <Fields entity={entity} record={record} />
          <Related entity={entity} id={id} />
        </div>
        <History entity={entity} id={id} record={record} />
      </div>
    </div>
  );
}

/** Title, state and actions; screens written by hand use it, too. */
export function RecordHead({ entity, record, id }: { entity: Entity; record: AnyMessage; id: string }) {
  const { t, locale, plural, label } = useI18n();
  const title = titleOf(entity, record, locale);
  const deleted = isSoftDeleted(entity) && record["deleteTime"] !== undefined;
  return (
    <div className="record-head">
      <PageTitle>{title}</PageTitle>
      <p className="crumb">
        <Link to={entity.path} className="link">
          <IconArrowLeft size={13} aria-hidden /> {plural(entity.typeName)}
        </Link>
      </p>
      <div className="page-head">
        <h1>{title}</h1>
        {deleted ? (
          <span className="badge" data-tone="bad">
            {t("record.deleted")}
          </span>
        ) : null}
        <CopyButton value={id}>
          {({ copied, copy }) => (
            <button type="button" className="plain mono soft" title={t("record.copyId")} onClick={copy}>
              <span className="sr">{t("record.copyId")}: </span>
              {copied ? t("record.copied") : `…${id.slice(-8)}`} <IconCopy size={12} aria-hidden />
            </button>
          )}
        </CopyButton>
        <span className="push" />
        <RecordActions entity={entity} record={record} id={id} title={title} deleted={deleted} />
      </div>
      {deleted ? <p className="soft">{t("record.deletedNotice")}</p> : null}
      <span className="sr">{label(entity.desc)}</span>
    </div>
  );
}

function NoRecord({ entity, error, onRetry }: { entity: Entity; error: TesseraError; onRetry: () => void }) {
  const { t, plural } = useI18n();
  const { tenant } = useMe();
  if (error.code === "NOT_FOUND" || error.code === "INVALID_ARGUMENT") {
    return (
      <div className="empty">
        <strong>{t("record.notFound")}</strong>
        <LinkButton to={entity.path} variant="default">
          {plural(entity.typeName)}
        </LinkButton>
      </div>
    );
  }
  if (error.code === "PERMISSION_DENIED") {
    return (
      <div className="empty">
        <strong>{t("error.denied")}</strong>
        <p>{t("error.deniedHint", { tenant: tenant.displayName })}</p>
      </div>
    );
  }
  return (
    <div className="page stack" style={{ maxWidth: 640 }}>
      <ErrorNotice error={error} />
      <div>
        <Button variant="default" onClick={onRetry}>
          {t("app.tryAgain")}
        </Button>
      </div>
    </div>
  );
}
