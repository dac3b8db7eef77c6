// The list of any resource.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { listSearch } from "./list-search";
import type { ListSearch } from "./list-search";
import "./list.css";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import type { Entity } from "../schema/model";
import { keepColumns, keptColumns, listable, usualColumns } from "./columns";
import { joined } from "./joined";
import { ListHead } from "./ListHead";
import { ListTable } from "./ListTable";
import { ownPart } from "./own-parts";
import type { ListQuery } from "./records";
import { useList } from "./useList";
import { useSelection } from "./useSelection";
import { WithEntity } from "./useResource";

const BulkBar = lazy(() => import("./BulkBar"));

export function ListPage() {
  return (
    <WithEntity>
      {(entity) => {
        const Own = ownPart("list", entity.typeName);
        return Own ? <Own entity={entity} /> : <ResourceList key={entity.typeName} entity={entity} />;
      }}
    </WithEntity>
  );
}

/** Newest first, which ids of version 7 give without an index of its own. */
const NEWEST = "id desc";

export function ResourceList({ entity }: { entity: Entity }) {
  const { plural } = useI18n();
  const { may } = useMe();
  const search = listSearch(useSearch({ strict: false }));
  const navigate = useNavigate();
  const [columns, setColumns] = useState(() => keptColumns(entity));
  const fields = useMemo(() => {
    const known = new Map(listable(entity).map((field) => [field.name, field]));
    return (columns ?? usualColumns(entity)).flatMap((name) => {
      const field = known.get(name);
      return field && (!field.readPermission || may(field.readPermission)) ? field : [];
    });
  }, [entity, columns, may]);
  const query = useMemo<ListQuery>(
    () => ({
      filter: joined(search.filter ?? "", search.q ?? ""),
      orderBy: search.order ?? NEWEST,
      showDeleted: search.deleted ?? false,
    }),
    [search.filter, search.q, search.order, search.deleted],
  );
  const list = useList(entity, query);
  const selection = useSelection(query);
  const change = useCallback(
    (part: { [Name in keyof ListSearch]?: ListSearch[Name] | undefined }) => {
      void navigate({ to: entity.path, search: listSearch({ ...search, ...part }), replace: true });
    },
    [navigate, entity.path, search],
  );
  const choose = useCallback(
    (names: readonly string[] | undefined) => {
      keepColumns(entity, names);
      setColumns(names);
    },
    [entity],
  );
  return (
    <div className="list-page">
      <ListHead
        entity={entity}
        title={plural(entity.typeName)}
        search={search}
        query={query}
        list={list}
        fields={fields}
        onChange={change}
        onColumns={choose}
      />
      <ListTable
        entity={entity}
        fields={fields}
        list={list}
        order={search.order ?? ""}
        filtered={query.filter !== ""}
        selection={selection}
        onOrder={(order) => change({ order })}
        onClear={() => change({ filter: undefined, q: undefined })}
      />
      <Suspense>
        {selection.ids.size > 0 ? (
          <BulkBar entity={entity} selection={selection} onDone={() => void list.refresh()} />
        ) : null}
      </Suspense>
    </div>
  );
}
