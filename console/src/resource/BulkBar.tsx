// What can be done with all selected records at once.
import { Button, CloseButton } from "@mantine/core";
import "../theme/overlays.css";
import "./filter.css";
import { create } from "@bufbuild/protobuf";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { useState } from "react";
import { invoke } from "../api/wire";
import { tellChanges } from "../api/changes";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import { idFieldOf, isRead, isSoftDeleted } from "../schema/model";
import type { Entity } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { confirm } from "../ui/confirm";
import { fail, tell } from "../ui/notify";
import { isDestructive } from "./danger";
import type { Selection } from "./useSelection";

/** How many calls are under way at once. */
const AT_ONCE = 4;

/** Methods that need nothing but to know which record. */
function bulkMethods(entity: Entity): readonly DescMethodUnary[] {
  const plain = new Set(["request_id", "etag"]);
  const takesIdOnly = (method: DescMethodUnary) => {
    const id = idFieldOf(method.input, entity.desc);
    return !isRead(method) && method.input.fields.every((field) => field === id || plain.has(field.name));
  };
  return [...entity.recordActions.filter(takesIdOnly), ...(entity.methods.delete ? [entity.methods.delete] : [])];
}

export default function BulkBar({
  entity,
  selection,
  onDone,
}: {
  entity: Entity;
  selection: Selection;
  onDone: () => void;
}) {
  const i18n = useI18n();
  const { t, label } = i18n;
  const { may } = useMe();
  const [running, setRunning] = useState<string | undefined>();
  const count = selection.ids.size;
  const run = async (method: DescMethodUnary) => {
    if (isDestructive(method)) {
      const text =
        method === entity.methods.delete && isSoftDeleted(entity) ? t("record.deleteSoft") : t("record.deleteHard");
      const title =
        method === entity.methods.delete
          ? t("bulk.deleteConfirm", { count })
          : `${label(method)}: ${t("list.total", { count })}`;
      if (!(await confirm({ title, text, yes: label(method), no: t("form.cancel"), danger: true }))) return;
    }
    setRunning(method.name);
    const failures = await onAll([...selection.ids], (id) => {
      const idField = idFieldOf(method.input, entity.desc);
      return invoke(method, create(method.input, { [idField?.localName ?? "id"]: id }));
    });
    setRunning(undefined);
    const done = count - failures.size;
    if (done > 0) tell(t("bulk.done", { count: done }));
    const [first] = failures.values();
    if (first !== undefined) {
      tell(t("bulk.failed", { count: failures.size }));
      fail(first, i18n);
    }
    // What failed stays selected, so that it can be looked at or tried again.
    selection.set(failures.keys());
    tellChanges(new Map([[entity.typeName, new Set()]]));
    onDone();
  };
  return (
    <div className="bulk" role="region" aria-label={t("record.actions")}>
      <span>{t("list.selected", { count })}</span>
      {bulkMethods(entity)
        .filter((method) => mayCall(may, method))
        .map((method) => (
          <Button
            key={method.name}
            variant="default"
            loading={running === method.name}
            disabled={running !== undefined}
            onClick={() => void run(method)}
          >
            {method === entity.methods.delete ? t("bulk.delete") : label(method)}
          </Button>
        ))}
      <CloseButton aria-label={t("list.clearSelection")} onClick={() => selection.set([])} />
    </div>
  );
}

/** Does something to all of them, a few at a time; the failures by id. */
async function onAll(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<Map<string, unknown>> {
  const failures = new Map<string, unknown>();
  const left = [...ids];
  const worker = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      try {
        await act(id);
      } catch (error) {
        failures.set(id, error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failures;
}
