import { Link, useNavigate } from "@tanstack/react-router";
import { memo } from "react";
import type { MouseEvent } from "react";
import type { AnyMessage } from "../api/wire";
import { useI18n } from "../i18n";
import { isNumeric } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { idOf, valueOf } from "./records";
import { isUnset, titleOf } from "./text";
import { Value } from "./Value";

interface Props {
  readonly entity: Entity;
  /** Undefined while it is on its way. */
  readonly record: AnyMessage | undefined;
  readonly fields: readonly FieldModel[];
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly template: string;
  readonly phone: boolean;
  readonly current: boolean;
  readonly selected: boolean;
  onToggle: (id: string) => void;
}

export const ListRow = memo(function ListRow(props: Props) {
  const { entity, record, fields, index, top, height, template, phone, current, selected, onToggle } = props;
  const { t, locale } = useI18n();
  const navigate = useNavigate();
  const style = { transform: `translateY(${top}px)`, height, gridTemplateColumns: phone ? undefined : template };
  if (!record) {
    return (
      <div role="row" aria-rowindex={index + 2} aria-busy="true" className="grid-row at" style={style}>
        <span role="cell" />
        {fields.map(({ name }) => (
          <span key={name} role="cell">
            <span className="bone" style={{ width: `${45 + ((index * 7 + name.length * 13) % 40)}%` }} />
          </span>
        ))}
      </div>
    );
  }
  const id = idOf(record);
  const to = `${entity.path}/${id}`;
  const title = titleOf(entity, record, locale);
  const open = (event: MouseEvent<HTMLElement>) => {
    // Text that is being selected, and controls, are not clicks on the row.
    if (
      event.defaultPrevented ||
      (event.target as HTMLElement).closest("a, button, input, label") ||
      getSelection()?.type === "Range"
    )
      return;
    void navigate({ to });
  };
  const shared = {
    role: "row",
    "aria-rowindex": index + 2,
    "data-current": current,
    "data-selected": selected,
    "data-deleted": record["deleteTime"] !== undefined,
    style,
    onClick: open,
  } as const;
  const tick = (
    <input
      type="checkbox"
      className="check"
      aria-label={t("list.selectRow", { name: title })}
      checked={selected}
      onChange={() => onToggle(id)}
    />
  );
  if (phone) {
    const [lead, ...rest] = fields.filter(
      (field) => !entity.titleFields.includes(field) && !isUnset(field, valueOf(field, record)),
    );
    return (
      <div {...shared} className="grid-row at phone">
        <span role="cell" className="phone-title">
          {tick}
          <Link to={to}>{title}</Link>
          {lead ? <Value field={lead} value={valueOf(lead, record)} inList /> : null}
        </span>
        <span role="cell" className="phone-more soft">
          {rest.slice(0, 3).map((field) => (
            <span key={field.name}>
              <Value field={field} value={valueOf(field, record)} inList />
            </span>
          ))}
        </span>
      </div>
    );
  }
  return (
    <div {...shared} className="grid-row at">
      <span role="cell" className="tick">
        {tick}
      </span>
      {fields.map((field, place) => {
        const value = valueOf(field, record);
        return (
          <span key={field.name} role="cell" className={isNumeric(field) ? "num" : undefined}>
            {place === 0 ? (
              <Link to={to} className="row-link">
                {isUnset(field, value) ? title : <Value field={field} value={value} inList />}
              </Link>
            ) : (
              <Value field={field} value={value} inList />
            )}
          </span>
        );
      })}
    </div>
  );
});
