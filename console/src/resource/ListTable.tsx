// The rows: only those in sight are in the page, however long the list is.
import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useKeys } from "../app/keys";
import type { Binding } from "../app/keys";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import { isNumeric, isSortable } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { ErrorNotice } from "../ui/ErrorNotice";
import { tracksOf } from "./columns";
import { creationsOf } from "./creations";
import { usePhone } from "./usePhone";
import { useRowWindow } from "./useRowWindow";
import { ListRow } from "./ListRow";
import { idOf } from "./records";
import type { List } from "./useList";
import { sorts, turned } from "./sorting";
import type { Selection } from "./useSelection";

const ROW = 36;
const ROW_PHONE = 60;
const HEAD = 33;

interface Props {
  readonly entity: Entity;
  readonly fields: readonly FieldModel[];
  readonly list: List;
  readonly order: string;
  readonly filtered: boolean;
  readonly selection: Selection;
  onOrder: (order: string | undefined) => void;
  onClear: () => void;
}

export function ListTable({ entity, fields, list, order, filtered, selection, onOrder, onClear }: Props) {
  const { t, plural } = useI18n();
  const { window } = list;
  const scroller = useRef<HTMLDivElement>(null);
  const phone = usePhone();
  const [cursor, setCursor] = useState(-1);
  const height = phone ? ROW_PHONE : ROW;
  const { first, end, height: total, scrollTo } = useRowWindow(scroller, window.extent, height, phone ? 0 : HEAD);
  const version = window.version();
  useEffect(() => window.show(first, end - 1), [window, first, end, version]);
  useListKeys({ entity, list, selection, cursor, move: setCursor, scrollTo });
  const { template, least } = useMemo(() => tracksOf(entity, fields), [entity, fields]);
  if (window.error !== undefined && window.starting) {
    return (
      <div className="page stack" style={{ maxWidth: 640 }}>
        <ErrorNotice error={window.error} />
        <div>
          <Button variant="default" onClick={() => window.retry()}>
            {t("app.tryAgain")}
          </Button>
        </div>
      </div>
    );
  }
  if (window.complete && window.known === 0) {
    return <NoRows entity={entity} filtered={filtered} onClear={onClear} />;
  }
  return (
    <div className="grid" ref={scroller} data-phone={phone} tabIndex={-1}>
      <div
        role="table"
        style={{ minWidth: phone ? 0 : least }}
        aria-label={plural(entity.typeName)}
        aria-rowcount={window.complete ? window.known + 1 : -1}
      >
        {phone ? null : (
          <Head
            entity={entity}
            fields={fields}
            template={template}
            order={order}
            onOrder={onOrder}
            list={list}
            selection={selection}
          />
        )}
        <div role="rowgroup" style={{ height: total, position: "relative" }}>
          {Array.from({ length: Math.max(0, end - first) }, (_, place) => {
            const index = first + place;
            const record = window.at(index);
            return (
              <ListRow
                key={record ? idOf(record) : `bone-${index}`}
                entity={entity}
                record={record}
                fields={fields}
                index={index}
                top={index * height}
                height={height}
                template={template}
                phone={phone}
                current={index === cursor}
                selected={record !== undefined && selection.ids.has(idOf(record))}
                onToggle={selection.toggle}
              />
            );
          })}
        </div>
      </div>
      {window.error === undefined ? null : (
        <div style={{ padding: 12, position: "sticky", bottom: 0 }}>
          <ErrorNotice error={window.error} />
          <Button variant="default" mt={8} onClick={() => window.retry()}>
            {t("app.tryAgain")}
          </Button>
        </div>
      )}
    </div>
  );
}

function NoRows({ entity, filtered, onClear }: { entity: Entity; filtered: boolean; onClear: () => void }) {
  const { t, plural } = useI18n();
  const { may } = useMe();
  const noun = plural(entity.typeName);
  const creates = creationsOf(entity).some((method) => mayCall(may, method));
  return (
    <div className="empty">
      <strong>{t(filtered ? "list.noMatch" : "list.empty", { noun })}</strong>
      <p>{t(filtered ? "list.noMatchHint" : creates ? "list.emptyHint" : "list.emptyHintNoCreate")}</p>
      {filtered ? (
        <Button variant="default" onClick={onClear}>
          {t("list.clear")}
        </Button>
      ) : null}
    </div>
  );
}

interface HeadProps {
  readonly entity: Entity;
  readonly fields: readonly FieldModel[];
  readonly template: string;
  readonly order: string;
  readonly list: List;
  readonly selection: Selection;
  onOrder: (order: string | undefined) => void;
}

function Head({ entity, fields, template, order, list, selection, onOrder }: HeadProps) {
  const { t, label } = useI18n();
  const [sorted = "", direction = "asc"] = order.split(" ");
  const sortable = sorts(entity);
  const loaded = () => [...list.window.loaded()].map(idOf);
  return (
    <div role="rowgroup" className="grid-head">
      <div role="row" aria-rowindex={1} className="grid-row" style={{ gridTemplateColumns: template }}>
        <span role="columnheader" className="tick">
          <input
            type="checkbox"
            className="check"
            aria-label={t("list.selectLoaded")}
            checked={selection.ids.size > 0}
            ref={(box) => {
              if (box) box.indeterminate = selection.ids.size > 0 && selection.ids.size < list.window.held;
            }}
            onChange={() => selection.set(selection.ids.size > 0 ? [] : loaded())}
          />
        </span>
        {fields.map((field) => {
          const active = field.name === sorted;
          const aria = active ? (direction === "desc" ? "descending" : "ascending") : "none";
          const text = label(field.desc);
          return (
            <span
              key={field.name}
              role="columnheader"
              className={isNumeric(field) ? "num" : undefined}
              {...(sortable && isSortable(field) ? { "aria-sort": aria } : {})}
            >
              {sortable && isSortable(field) ? (
                <button
                  type="button"
                  className="plain sort"
                  title={t("list.sortBy", { field: text })}
                  onClick={() => onOrder(turned(order, field.name))}
                >
                  {text}
                  {active ? (
                    direction === "desc" ? (
                      <IconArrowDown size={12} aria-hidden />
                    ) : (
                      <IconArrowUp size={12} aria-hidden />
                    )
                  ) : null}
                </button>
              ) : (
                text
              )}
            </span>
          );
        })}
      </div>
    </div>
  );
}

interface KeysProps {
  readonly entity: Entity;
  readonly list: List;
  readonly selection: Selection;
  readonly cursor: number;
  move: (index: number) => void;
  scrollTo: (index: number) => void;
}

/** j and k go through the rows, x selects, Enter opens, e edits. */
function useListKeys({ entity, list: { window }, selection, cursor, move, scrollTo }: KeysProps): void {
  const navigate = useNavigate();
  const { may } = useMe();
  const go = (step: number) => {
    const next = Math.min(Math.max(0, cursor + step), Math.max(0, window.known - 1));
    move(next);
    scrollTo(next);
  };
  const current = () => (cursor < 0 ? undefined : window.at(cursor));
  const open = (suffix: "" | "/edit") => {
    const record = current();
    // What is deleted can be looked at only.
    if (record && !(suffix && record["deleteTime"])) void navigate({ to: `${entity.path}/${idOf(record)}${suffix}` });
  };
  const bindings: Binding[] = [
    { keys: "j", does: "keys.down", group: "keys.list", run: () => go(1) },
    { keys: "k", does: "keys.up", group: "keys.list", run: () => go(-1) },
    {
      keys: "Enter",
      does: "keys.open",
      group: "keys.list",
      run: (event) => {
        // A link or button that has the focus does its own.
        const focused = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>("a, button") : null;
        if (focused) focused.click();
        else open("");
      },
    },
    ...(mayCall(may, entity.methods.update)
      ? [{ keys: "e", does: "keys.edit", group: "keys.list", run: () => open("/edit") } as const]
      : []),
    {
      keys: "x",
      does: "keys.select",
      group: "keys.list",
      run: () => {
        const record = current();
        if (record) selection.toggle(idOf(record));
      },
    },
    {
      keys: "mod+a",
      does: "keys.selectAll",
      group: "keys.list",
      run: () => selection.set([...window.loaded()].map(idOf)),
    },
    { keys: "Escape", does: "list.clearSelection", group: "keys.list", run: () => selection.set([]) },
  ];
  useKeys(bindings);
}
