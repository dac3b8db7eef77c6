// Values as people read them.
import { Link } from "@tanstack/react-router";
import { dateText } from "@client/values";
import type { Date as CivilDate } from "@client/gen/google/type/date_pb";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { DescEnumValue } from "@bufbuild/protobuf";
import { msOf, shownDate } from "../format/time";
import type { Money } from "../format/money";
import { useI18n } from "../i18n";
import { shortName } from "../i18n/labels";
import { useMe, useModel } from "../app/session";
import type { FieldModel } from "../schema/fields";
import { Amount } from "../ui/Amount";
import { Time } from "../ui/Time";
import { useWriting } from "../ui/zone";
import { useReference } from "./references";
import { refersTo } from "./refers";
import { enumValue, isUnset, shortId, textOf, titleOf } from "./text";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Props {
  readonly field: FieldModel;
  readonly value: unknown;
  /** In a list a value has one line, and links would stand in the way of the row. */
  readonly inList?: boolean;
}

export function Value({ field, value, inList = false }: Props) {
  const writing = useWriting();
  const { t, locale } = writing.i18n;
  const { may } = useMe();
  if (field.secret) return <span className="soft">{t("record.secret")}</span>;
  if (field.readPermission && !may(field.readPermission)) return <span className="soft">{t("record.hidden")}</span>;
  if (isUnset(field, value)) return inList ? null : <span className="soft">–</span>;
  if (field.shape === "list" && field.kind === "reference") {
    return (
      <span className="row wrap">
        {(value as string[]).map((id) => (
          <ReferenceLink key={id} typeName={field.references} id={id} plain={inList} />
        ))}
      </span>
    );
  }
  if (field.shape !== "single") return <>{textOf(field, value, writing)}</>;
  switch (field.kind) {
    case "money":
      return <Amount value={value as Money} />;
    case "time":
      return <Time ms={msOf(value as Timestamp)} />;
    case "date":
      return <time dateTime={dateText(value as CivilDate)}>{shownDate(dateText(value as CivilDate), locale)}</time>;
    case "enum": {
      const known = enumValue(field, value);
      return known ? <EnumBadge value={known} /> : <>{String(value)}</>;
    }
    case "reference":
      return <ReferenceLink typeName={field.references} id={String(value)} plain={inList} />;
    default:
      if (/^(created|updated)_by$/.test(field.name)) return <Actor name={String(value)} plain={inList} />;
      if (typeof value === "string" && UUID.test(value)) return <Id field={field} id={value} plain={inList} />;
      return <>{textOf(field, value, writing)}</>;
  }
}

/** An id whose contract does not say what it refers to. */
function Id({ field, id, plain }: { field: FieldModel; id: string; plain: boolean }) {
  const typeName = refersTo(field, useModel());
  if (typeName) return <ReferenceLink typeName={typeName} id={id} plain={plain} />;
  return (
    <span className="mono" title={id}>
      {shortId(id)}
    </span>
  );
}

/** Who did something: a user by name, or a service. */
export function Actor({ name, plain = false }: { name: string; plain?: boolean }) {
  if (UUID.test(name)) return <ReferenceLink typeName="erp.identity.v1.User" id={name} plain={plain} />;
  return <span className="soft">{name.replace(/^service:/, "")}</span>;
}

export function ReferenceLink({ typeName, id, plain = false }: { typeName: string; id: string; plain?: boolean }) {
  const { t, locale } = useI18n();
  const { entity, record, isComing } = useReference(typeName, id);
  if (isComing) return <span className="bone" style={{ width: 84, maxWidth: "100%" }} title={id} />;
  const text = entity && record ? titleOf(entity, record, locale) : shortId(id);
  if (record === null) {
    return (
      <span className="soft" title={id}>
        {t("record.missing")}
      </span>
    );
  }
  if (plain || !entity || !record) return <span title={id}>{text}</span>;
  return (
    <Link to={`${entity.path}/${id}`} className="link">
      {text}
    </Link>
  );
}

const TONES: readonly (readonly [RegExp, string])[] = [
  [/^(IN|UN|DE)(ACTIVE|ACTIVATED)/, "idle"],
  [/FAIL|STUCK|DECLINED|BOUNCED|DEAD|OVERDUE|REJECTED|ABORTED|LOST/, "bad"],
  [/CANCEL|VOID|EXPIRED|SUSPENDED|DISABLED|REVERSED|RELEASED|FORMER|COMPENSAT/, "warn"],
  [/ACTIVE|COMPLETED|PAID|SENT|POSTED|DONE|CAPTURED|CONSUMED|DELIVERED|WON|SUCCEEDED|CUSTOMER/, "good"],
  [/CREATED|OPEN|PENDING|AWAITING|CONFIRMED|HELD|AUTHORIZED|RUNNING|NEW|QUEUED|PROSPECT/, "info"],
];

/** A state, coloured by its word; the word itself says the same without the colour. */
export function EnumBadge({ value }: { value: DescEnumValue }) {
  const { label } = useI18n();
  const isState = /(State|Status|Stage|Type|Kind)$/.test(value.parent.name);
  const tone = TONES.find(([words]) => words.test(shortName(value)))?.[1] ?? "idle";
  return (
    <span className="badge" data-tone={isState ? tone : "idle"}>
      {label(value)}
    </span>
  );
}
