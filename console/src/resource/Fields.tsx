// The fields of a record in groups: what it is, then each message with its own parts, then the bookkeeping.
import type { DescMessage } from "@bufbuild/protobuf";
import { useI18n } from "../i18n";
import type { AnyMessage } from "../api/wire";
import { useMe } from "../app/session";
import { commentOf } from "../schema/comments";
import { fieldsOf, isBookkeeping, isNumeric, isPlumbing } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { valueOf } from "./records";
import { isUnset } from "./text";
import { Value } from "./Value";

export function Fields({ entity, record }: { entity: Entity; record: AnyMessage }) {
  const { t, label } = useI18n();
  const shown = entity.fields.filter((field) => !isPlumbing(field));
  const flat = shown.filter((field) => !isGroup(field) && !isBookkeeping(field) && field.name !== "id");
  const groups = shown.filter((field) => isGroup(field) && !isUnset(field, valueOf(field, record)));
  const book = shown.filter((field) => isBookkeeping(field) && !isUnset(field, valueOf(field, record)));
  return (
    <>
      <section className="card">
        <h2>{t("record.details")}</h2>
        <FieldList fields={flat} message={record} />
      </section>
      {groups.map((field) => (
        <section key={field.name} className="card">
          <h2>{label(field.desc)}</h2>
          <Group field={field} value={valueOf(field, record)} />
        </section>
      ))}
      {book.length > 0 ? (
        <section className="card">
          <h2>{t("record.system")}</h2>
          <FieldList fields={book} message={record} />
        </section>
      ) : null}
    </>
  );
}

/** What a method answers, as the fields of its message that are set. */
export function AnswerFields({ message, answer }: { message: DescMessage; answer: AnyMessage }) {
  const { label } = useI18n();
  const set = fieldsOf(message).filter((field) => !isPlumbing(field) && !isUnset(field, valueOf(field, answer)));
  return (
    <>
      <FieldList fields={set.filter((field) => !isGroup(field))} message={answer} />
      {set.filter(isGroup).map((field) => (
        <section key={field.name}>
          <h3>{label(field.desc)}</h3>
          <Group field={field} value={valueOf(field, answer)} />
        </section>
      ))}
    </>
  );
}

/** What has parts of its own. */
function isGroup({ kind, shape }: FieldModel): boolean {
  return kind === "message" || shape === "map" || kind === "json" || (kind === "localized" && shape === "list");
}

function FieldList({ fields, message }: { fields: readonly FieldModel[]; message: AnyMessage }) {
  const { label, help } = useI18n();
  return (
    <dl className="fields">
      {fields.map((field) => (
        <div key={field.name}>
          <dt title={help(field.desc, commentOf(field.desc))}>{label(field.desc)}</dt>
          <dd>
            <Value field={field} value={valueOf(field, message)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Group({ field, value }: { field: FieldModel; value: unknown }) {
  if (field.kind === "json") return <pre className="json">{JSON.stringify(value, null, 2)}</pre>;
  if (field.shape === "map") return <MapTable field={field} value={value as Record<string, unknown>} />;
  const message = field.message;
  if (!message) return null;
  const inner = fieldsOf(message).filter((one) => !isPlumbing(one));
  if (field.shape === "list") return <Lines fields={inner} rows={value as AnyMessage[]} />;
  const set = inner.filter((one) => !isUnset(one, valueOf(one, value as AnyMessage)));
  return <FieldList fields={set} message={value as AnyMessage} />;
}

/** Messages of a list are lines of a table; columns that nothing stands in are left out. */
function Lines({ fields, rows }: { fields: readonly FieldModel[]; rows: readonly AnyMessage[] }) {
  const { label, help } = useI18n();
  const used = fields.filter((field) => rows.some((row) => !isUnset(field, valueOf(field, row))));
  return (
    <div className="scroll-x" tabIndex={0}>
      <table className="lines">
        <thead>
          <tr>
            {used.map((field) => (
              <th
                key={field.name}
                scope="col"
                className={isNumeric(field) ? "num" : undefined}
                title={help(field.desc, commentOf(field.desc))}
              >
                {label(field.desc)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, place) => (
            <tr key={place}>
              {used.map((field) => (
                <td key={field.name} className={isNumeric(field) ? "num" : undefined}>
                  <Value field={field} value={valueOf(field, row)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function MapTable({ field, value }: { field: FieldModel; value: Record<string, unknown> }) {
  const { may } = useMe();
  if (field.readPermission && !may(field.readPermission)) return null;
  const item: FieldModel = { ...field, shape: "single" };
  return (
    <dl className="fields">
      {Object.entries(value).map(([key, one]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>
            <Value field={item} value={one} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
