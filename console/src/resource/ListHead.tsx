// Above a list: its name, how many there are, searching, filtering and what else can be done with it.
import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { IconColumns3, IconDots, IconDownload, IconFilter, IconPlus, IconSearch, IconTrash } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { getOption } from "@bufbuild/protobuf";
import { entity as entityOption } from "@client/gen/erp/v1/options_pb";
import { useKeys } from "../app/keys";
import type { Binding } from "../app/keys";
import type { ListSearch } from "./list-search";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import { isSortable } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import { isSoftDeleted } from "../schema/model";
import type { Entity } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { ButtonTarget, LazyMenu, MoreTarget } from "../ui/LazyMenu";
import type { MenuEntry } from "../ui/LazyMenu";
import { LinkButton } from "../ui/LinkButton";
import { creationsOf } from "./creations";
import type { ListQuery } from "./records";
import { sorts, turned } from "./sorting";
import type { List } from "./useList";
import { usePhone } from "./usePhone";

const FilterChips = lazy(() => import("./FilterChips"));
const FilterEditor = lazy(() => import("./FilterEditor"));
const ColumnsMenu = lazy(() => import("./ColumnsMenu"));
const ExportButton = lazy(() => import("./ExportButton"));

const PAUSE_MS = 220;

interface Props {
  readonly entity: Entity;
  readonly title: string;
  readonly search: ListSearch;
  readonly query: ListQuery;
  readonly list: List;
  readonly fields: readonly FieldModel[];
  onChange: (part: { [Name in keyof ListSearch]?: ListSearch[Name] | undefined }) => void;
  onColumns: (names: readonly string[] | undefined) => void;
}

export function ListHead({ entity, title, search, query, list, fields, onChange, onColumns }: Props) {
  const { t, label } = useI18n();
  const phone = usePhone();
  const [open, setOpen] = useState<"filter" | "columns" | "export" | undefined>();
  const searchable = getOption(entity.desc, entityOption).search !== "";
  const input = useRef<HTMLInputElement>(null);
  const filterable = entity.methods.list?.input.fields.some(({ name }) => name === "filter") === true;
  const bindings = useMemo<Binding[]>(
    () => [
      {
        keys: "/",
        does: "keys.search",
        group: "keys.list",
        run: () => {
          if (searchable) input.current?.focus();
          else setOpen("filter");
        },
      },
    ],
    [searchable],
  );
  useKeys(bindings);
  const more: MenuEntry[] = [
    {
      key: "columns",
      text: t("list.columns"),
      icon: <IconColumns3 size={15} aria-hidden />,
      run: () => setOpen("columns"),
    },
    {
      key: "export",
      text: t("list.export"),
      icon: <IconDownload size={15} aria-hidden />,
      run: () => setOpen("export"),
    },
  ];
  if (phone && sorts(entity)) {
    const { order = "" } = search;
    const [sorted, way] = order.split(" ");
    fields.filter(isSortable).forEach(({ name, desc }, place) =>
      more.push({
        key: `sort ${name}`,
        text: `${t("list.sortBy", { field: label(desc) })}${name === sorted ? (way ? " ↓" : " ↑") : ""}`,
        line: place === 0,
        radio: true,
        checked: name === sorted,
        run: () => onChange({ order: turned(order, name) }),
      }),
    );
  }
  if (isSoftDeleted(entity)) {
    const run = () => onChange({ deleted: query.showDeleted ? undefined : true });
    more.push({
      key: "deleted",
      text: t("list.deleted"),
      icon: <IconTrash size={15} aria-hidden />,
      checked: query.showDeleted,
      run,
    });
  }
  return (
    <div className="list-head">
      <div className="page-head">
        <h1>{title}</h1>
        <Count list={list} />
        <span className="push" />
        {searchable ? (
          <SearchBox key={search.q ?? ""} given={search.q ?? ""} input={input} onChange={(q) => onChange({ q })} />
        ) : null}
        {filterable ? (
          <Button
            variant={search.filter ? "light" : "default"}
            leftSection={<IconFilter size={14} aria-hidden />}
            aria-expanded={open === "filter"}
            onClick={() => setOpen(open === "filter" ? undefined : "filter")}
          >
            {t("list.filter")}
          </Button>
        ) : null}
        <LazyMenu
          entries={more}
          target={
            <MoreTarget label={t("list.more")}>
              <IconDots size={16} />
            </MoreTarget>
          }
        />
        <NewButton entity={entity} />
      </div>
      <Suspense>
        {open === "filter" ? (
          <FilterEditor
            key={search.filter ?? ""}
            entity={entity}
            filter={search.filter ?? ""}
            onApply={(filter) => onChange({ filter })}
            onClose={() => setOpen(undefined)}
          />
        ) : search.filter ? (
          <FilterChips
            entity={entity}
            filter={search.filter}
            onChange={(filter) => onChange({ filter })}
            onOpen={() => setOpen("filter")}
          />
        ) : null}
        {open === "columns" ? (
          <ColumnsMenu
            entity={entity}
            shown={fields.map(({ name }) => name)}
            onChange={onColumns}
            onClose={() => setOpen(undefined)}
          />
        ) : null}
        {open === "export" ? (
          <ExportButton entity={entity} query={query} fields={fields} onDone={() => setOpen(undefined)} />
        ) : null}
      </Suspense>
    </div>
  );
}

function Count({ list: { total, many, window } }: { list: List }) {
  const { t } = useI18n();
  if (window.starting) return null;
  const text =
    total === undefined
      ? t("list.totalLoaded", { count: window.known })
      : t(many ? "list.totalMany" : "list.total", { count: total });
  return (
    <span className="soft" role="status">
      {text}
    </span>
  );
}

function SearchBox({
  given,
  input,
  onChange,
}: {
  given: string;
  input: React.RefObject<HTMLInputElement | null>;
  onChange: (q: string | undefined) => void;
}) {
  const { t } = useI18n();
  const [text, setText] = useState(given);
  const change = useRef(onChange);
  useEffect(() => {
    change.current = onChange;
  });
  useEffect(() => {
    if (text.trim() === given) return undefined;
    const timer = setTimeout(() => change.current(text.trim() || undefined), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, given]);
  return (
    <div className="search">
      <IconSearch size={14} aria-hidden />
      <input
        ref={input}
        type="search"
        aria-label={t("list.search")}
        placeholder={t("list.search")}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
          if (event.key === "Enter") change.current(text.trim() || undefined);
        }}
      />
      <kbd className="only-desk">/</kbd>
    </div>
  );
}

function NewButton({ entity }: { entity: Entity }) {
  const { t, label } = useI18n();
  const { may } = useMe();
  const navigate = useNavigate();
  const ways = creationsOf(entity).filter((method) => mayCall(may, method));
  const [first, ...others] = ways;
  const to = `${entity.path}/new`;
  const bindings = useMemo<Binding[]>(
    () => ["n", "c"].map((keys) => ({ keys, does: "keys.new", group: "keys.list", run: () => void navigate({ to }) })),
    [navigate, to],
  );
  useKeys(bindings, first !== undefined);
  if (!first) return null;
  const text = first === entity.methods.create ? t("list.new") : label(first);
  return (
    <>
      <LinkButton to={to} title={`${text} (N)`} leftSection={<IconPlus size={14} aria-hidden />}>
        {text}
      </LinkButton>
      {others.length > 0 ? (
        <LazyMenu
          target={<ButtonTarget>{t("record.actions")}</ButtonTarget>}
          entries={others.map((method) => ({
            key: method.name,
            text: label(method),
            run: () => void navigate({ to, search: { by: method.name } }),
          }))}
        />
      ) : null}
    </>
  );
}
