// What refers to the record: the first few of each kind, and the way to all of them.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useMe, useModel } from "../app/session";
import { useI18n } from "../i18n";
import { isNumeric } from "../schema/fields";
import type { Entity, Relation } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { listable, usualColumns } from "./columns";
import { fetchPage, idOf, valueOf } from "./records";
import { isUnset, titleOf } from "./text";
import { Value } from "./Value";

const SHOWN = 5;
const COLUMNS = 5;

export function Related({ entity, id }: { entity: Entity; id: string }) {
  const { may } = useMe();
  const relations = useModel()
    .relationsTo(entity.typeName)
    .filter(
      ({ from, field }) =>
        mayCall(may, from.methods.list) &&
        field.shape !== "map" &&
        (!field.readPermission || may(field.readPermission)),
    );
  return relations.map((relation) => (
    <RelatedList
      key={`${relation.from.typeName}.${relation.field.name}`}
      relation={relation}
      id={id}
      several={relations}
    />
  ));
}

function RelatedList({
  relation: { from, field },
  id,
  several,
}: {
  relation: Relation;
  id: string;
  several: readonly Relation[];
}) {
  const { t, label, plural, locale } = useI18n();
  const filter = field.shape === "list" ? `${field.name}:"${id}"` : `${field.name} = "${id}"`;
  const { data } = useQuery({
    queryKey: ["list", from.typeName, "related", field.name, id],
    queryFn: ({ signal }) => fetchPage(from, { filter, orderBy: "id desc", showDeleted: false }, SHOWN + 1, "", signal),
  });
  if (!data || data.rows.length === 0) return null;
  const known = new Map(listable(from).map((one) => [one.name, one]));
  const columns = usualColumns(from)
    .flatMap((name) => known.get(name) ?? [])
    .filter((one) => one !== field)
    .slice(0, COLUMNS);
  const ambiguous = several.filter((one) => one.from === from).length > 1;
  return (
    <section className="card">
      <h2 className="row">
        {plural(from.typeName)}
        {ambiguous ? <span className="soft">{label(field.desc)}</span> : null}
        <span style={{ flex: 1 }} />
        <Link to={from.path} search={{ filter }} className="link" style={{ fontWeight: 400 }}>
          {t("record.showAll")}
        </Link>
      </h2>
      <div className="scroll-x" tabIndex={0}>
        <table className="lines">
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.name} scope="col" className={isNumeric(column) ? "num" : undefined}>
                  {label(column.desc)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.rows.slice(0, SHOWN).map((row) => (
              <tr key={idOf(row)}>
                {columns.map((column, place) => {
                  const value = valueOf(column, row);
                  return (
                    <td key={column.name} className={isNumeric(column) ? "num" : undefined}>
                      {place === 0 ? (
                        <Link to={`${from.path}/${idOf(row)}`} className="link">
                          {isUnset(column, value) ? (
                            titleOf(from, row, locale)
                          ) : (
                            <Value field={column} value={value} inList />
                          )}
                        </Link>
                      ) : (
                        <Value field={column} value={value} />
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
