// Building a filter: conditions one below the other, or the text itself.
import { ActionIcon, Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import "../theme/inputs.css";
import "./filter.css";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useMe } from "../app/session";
import { plainNumber } from "../format/money";
import { instantOf } from "../format/time";
import { useI18n } from "../i18n";
import { shortName } from "../i18n/labels";
import { fieldsOf, isPlumbing } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { useTimeZone } from "../ui/zone";
import { conditionsOf, filterText, needsValue, operatorsFor } from "./filter";
import type { Condition, Operator } from "./filter";
import { operatorName } from "./filter-targets";
import type { Target } from "./filter-targets";
import { ReferencePicker } from "./ReferencePicker";

interface Props {
  readonly entity: Entity;
  readonly filter: string;
  onApply: (filter: string | undefined) => void;
  onClose: () => void;
}

export default function FilterEditor({ entity, filter, onApply, onClose }: Props) {
  const { t } = useI18n();
  const targets = useTargets(entity);
  const [text, setText] = useState(filter);
  const [conditions, setConditions] = useState<readonly Condition[] | undefined>(() => conditionsOf(filter));
  const [asText, setAsText] = useState(conditions === undefined);
  // Most filters ask for a name; the first of the fields is the id.
  const first = targets.find(({ field }) => field === entity.titleFields[0]) ?? targets[0];
  const fresh = (): Condition[] =>
    first ? [{ path: first.path, operator: operatorsFor(first.field)[0] ?? "=", value: "" }] : [];
  const shown = conditions && conditions.length > 0 ? conditions : fresh();
  const result = asText ? text.trim() : filterText(shown);
  const toggle = () => {
    if (asText) {
      const parsed = conditionsOf(text);
      if (!parsed) return;
      setConditions(parsed);
    } else setText(result);
    setAsText(!asText);
  };
  return (
    <form
      className="filter"
      aria-label={t("list.filter")}
      onSubmit={(event) => {
        event.preventDefault();
        onApply(result || undefined);
        onClose();
      }}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      {asText ? (
        <Textarea
          className="mono"
          aria-label={t("filter.text")}
          description={t("filter.textHint")}
          value={text}
          autoFocus
          minRows={1}
          maxLength={2000}
          error={text.trim() !== "" && conditionsOf(text) === undefined ? undefined : false}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      ) : (
        shown.map((condition, place) => (
          <ConditionRow
            key={place}
            targets={targets}
            condition={condition}
            focus={place === shown.length - 1}
            onChange={(next) => setConditions(shown.map((one, at) => (at === place ? next : one)))}
            onRemove={() => setConditions(shown.filter((_, at) => at !== place))}
          />
        ))
      )}
      <div className="row wrap">
        {asText ? null : (
          <Button
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => setConditions([...shown, ...fresh()])}
          >
            {t("filter.add")}
          </Button>
        )}
        <Button variant="subtle" color="gray" onClick={toggle} disabled={asText && conditionsOf(text) === undefined}>
          {t(asText ? "filter.builder" : "filter.text")}
        </Button>
        {asText && conditionsOf(text) === undefined ? <span className="soft">{t("filter.notSimple")}</span> : null}
        <span style={{ flex: 1 }} />
        {filter ? (
          <Button
            variant="default"
            onClick={() => {
              onApply(undefined);
              onClose();
            }}
          >
            {t("list.clear")}
          </Button>
        ) : null}
        <Button type="submit">{t("filter.apply")}</Button>
      </div>
    </form>
  );
}

/** The fields of the entity, and one level into its messages. */
function useTargets(entity: Entity): readonly Target[] {
  const { label } = useI18n();
  const { may } = useMe();
  return useMemo(() => {
    const usable = (field: FieldModel) =>
      !isPlumbing(field) &&
      !field.secret &&
      field.kind !== "bytes" &&
      (!field.readPermission || may(field.readPermission));
    return entity.fields.filter(usable).flatMap((field): Target[] => {
      const own = { path: field.name, label: label(field.desc), field };
      if (field.kind !== "message" || field.shape !== "single" || !field.message) return [own];
      const inner = fieldsOf(field.message).filter((one) => usable(one) && one.kind !== "message");
      return inner.map((one) => ({
        path: `${field.name}.${one.name}`,
        label: `${own.label} › ${label(one.desc)}`,
        field: one,
      }));
    });
  }, [entity, label, may]);
}

interface RowProps {
  readonly targets: readonly Target[];
  readonly condition: Condition;
  readonly focus: boolean;
  onChange: (condition: Condition) => void;
  onRemove: () => void;
}

function ConditionRow({ targets, condition, focus, onChange, onRemove }: RowProps) {
  const { t } = useI18n();
  const { path, operator } = condition;
  const field = targets.find((one) => one.path === path)?.field;
  const operators = field ? operatorsFor(field) : [operator];
  return (
    <div className="condition">
      <NativeSelect
        size="xs"
        aria-label={t("filter.field")}
        value={path}
        autoFocus={focus}
        data={targets.map((one) => ({ value: one.path, label: one.label }))}
        onChange={(event) => {
          const next = targets.find((one) => one.path === event.currentTarget.value);
          if (next) onChange({ path: next.path, operator: operatorsFor(next.field)[0] ?? "=", value: "" });
        }}
      />
      <NativeSelect
        size="xs"
        aria-label={t("filter.operator")}
        value={operator}
        data={operators.map((one) => ({ value: one, label: t(operatorName(one, field)) }))}
        onChange={(event) => onChange({ ...condition, operator: event.currentTarget.value as Operator })}
      />
      {needsValue(operator) && field ? (
        <ValueInput field={field} condition={condition} onChange={onChange} />
      ) : (
        <span />
      )}
      <ActionIcon aria-label={t("filter.remove")} onClick={onRemove}>
        <IconX size={15} />
      </ActionIcon>
    </div>
  );
}

function ValueInput({
  field,
  condition,
  onChange,
}: {
  field: FieldModel;
  condition: Condition;
  onChange: (next: Condition) => void;
}) {
  const { t, label, locale } = useI18n();
  const zone = useTimeZone();
  const set = (value: string) => onChange({ ...condition, value });
  const { value, operator } = condition;
  const common = { size: "xs", "aria-label": t("filter.value") } as const;
  if (operator === "within") {
    return (
      <TextInput {...common} type="number" min={0} value={value} onChange={(event) => set(event.currentTarget.value)} />
    );
  }
  if (field.kind === "bool" || field.kind === "enum") {
    const options =
      field.kind === "bool"
        ? [
            { value: "true", label: t("record.yes") },
            { value: "false", label: t("record.no") },
          ]
        : (field.enum?.values.filter(({ number }) => number !== 0) ?? []).map((one) => ({
            value: shortName(one),
            label: label(one),
          }));
    return (
      <NativeSelect
        {...common}
        value={value}
        data={[{ value: "", label: t("form.choose") }, ...options]}
        onChange={(event) => set(event.currentTarget.value)}
      />
    );
  }
  if (field.kind === "reference") {
    return (
      <ReferencePicker
        typeName={field.references}
        value={value}
        label={t("filter.value")}
        size="xs"
        hiddenLabel
        onChange={set}
      />
    );
  }
  if (field.kind === "date" || field.kind === "time") {
    // A day is chosen; of a time the beginning of that day where the reader is.
    const day = field.kind === "time" && value.includes("T") ? dayIn(value, zone) : value;
    return (
      <TextInput
        {...common}
        type="date"
        value={day}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          const ms = field.kind === "time" ? instantOf(chosen, zone) : undefined;
          set(ms === undefined ? chosen : new Date(ms).toISOString().replace(".000", ""));
        }}
      />
    );
  }
  return (
    <TextInput
      {...common}
      key={condition.path}
      defaultValue={value}
      inputMode={field.kind === "text" ? "text" : "decimal"}
      onChange={(event) => {
        const typed = event.currentTarget.value;
        set(field.kind === "text" || field.shape !== "single" ? typed : (plainNumber(typed, locale) ?? typed));
      }}
    />
  );
}

function dayIn(instant: string, timeZone: string): string {
  const time = new Date(instant);
  if (Number.isNaN(time.getTime())) return "";
  return new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" }).format(time);
}
