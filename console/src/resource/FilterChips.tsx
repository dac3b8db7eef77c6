// The filter of a list as people read it: a chip for each condition, which can be taken away by itself.
import { ActionIcon } from "@mantine/core";
import { IconFilter, IconX } from "@tabler/icons-react";
import { Fragment } from "react";
import { useModel } from "../app/session";
import { shownDecimal } from "../format/money";
import { shownDate, shortTime } from "../format/time";
import { useI18n } from "../i18n";
import { shortName } from "../i18n/labels";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { useTimeZone } from "../ui/zone";
import { needsValue } from "./filter";
import type { Condition } from "./filter";
import { partsOf, withoutPart } from "./filter-parts";
import { operatorName, targetAt } from "./filter-targets";
import { refersTo } from "./refers";
import { ReferenceLink } from "./Value";
import "./filter.css";

interface Props {
  readonly entity: Entity;
  readonly filter: string;
  onChange: (filter: string | undefined) => void;
  onOpen: () => void;
}

export default function FilterChips({ entity, filter, onChange, onOpen }: Props) {
  const { t } = useI18n();
  const parts = partsOf(filter);
  return (
    <div className="chips" role="group" aria-label={t("list.filter")}>
      <IconFilter size={13} aria-hidden />
      {parts.map(({ text, conditions }, place) => (
        <span key={place} className="chip">
          <button type="button" className="plain" title={text} onClick={onOpen}>
            {conditions ? <Conditions entity={entity} conditions={conditions} text={text} /> : <code>{text}</code>}
          </button>
          <ActionIcon
            size="xs"
            aria-label={`${t("filter.remove")}: ${text}`}
            onClick={() => onChange(withoutPart(parts, place) || undefined)}
          >
            <IconX size={12} />
          </ActionIcon>
        </span>
      ))}
      {parts.length > 1 ? (
        <button type="button" className="plain link" onClick={() => onChange(undefined)}>
          {t("list.clear")}
        </button>
      ) : null}
    </div>
  );
}

/** One or several of one field; a field that the contracts do not have is shown as it was typed. */
function Conditions({ entity, conditions, text }: { entity: Entity; conditions: readonly Condition[]; text: string }) {
  const { t, label } = useI18n();
  const [first] = conditions;
  const target = first && targetAt(entity, first.path, label);
  if (!first || !target) return <code>{text}</code>;
  return (
    <>
      <span className="soft">
        {target.label} {t(operatorName(first.operator, target.field))}
      </span>{" "}
      {conditions.map((condition, place) => (
        <Fragment key={place}>
          {place > 0 ? <span className="soft"> {t("filter.or")} </span> : null}
          {needsValue(condition.operator) ? (
            <strong>{<Shown field={target.field} condition={condition} />}</strong>
          ) : null}
        </Fragment>
      ))}
    </>
  );
}

function Shown({ field, condition: { value, operator } }: { field: FieldModel; condition: Condition }) {
  const { t, label, locale } = useI18n();
  const zone = useTimeZone();
  const model = useModel();
  if (operator === "within") return <>{value}</>;
  const typeName = refersTo(field, model);
  if (typeName) return <ReferenceLink typeName={typeName} id={value} plain />;
  switch (field.kind) {
    case "bool":
      return <>{t(value === "true" ? "record.yes" : "record.no")}</>;
    case "enum": {
      const known = field.enum?.values.find((one) => shortName(one) === value || one.name === value);
      return <>{known ? label(known) : value}</>;
    }
    case "date":
      return <>{/^\d{4}-\d{2}-\d{2}$/.test(value) ? shownDate(value, locale) : value}</>;
    case "time": {
      const ms = Date.parse(value);
      return <>{Number.isNaN(ms) ? value : shortTime(ms, locale, zone)}</>;
    }
    case "money":
    case "decimal":
    case "integer":
    case "number":
      return <>{/^-?\d+(\.\d+)?$/.test(value) ? shownDecimal(value, locale) : value}</>;
    default:
      return <>{value}</>;
  }
}
