// What can be done with a record: edit, its own methods, delete, restore.
import { Button } from "@mantine/core";
import { create } from "@bufbuild/protobuf";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { useNavigate } from "@tanstack/react-router";
import { IconDots, IconPencil, IconRestore, IconTrash } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { invoke } from "../api/wire";
import type { AnyMessage } from "../api/wire";
import { useKeys } from "../app/keys";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import { idFieldOf, isSoftDeleted } from "../schema/model";
import type { Entity } from "../schema/model";
import { mayCall } from "../schema/permissions";
import { confirm } from "../ui/confirm";
import { LazyMenu, MoreTarget } from "../ui/LazyMenu";
import { LinkButton } from "../ui/LinkButton";
import { fail, tell } from "../ui/notify";
import { forgetRecord, keepRecord } from "./records";

const ActionDialog = lazy(() => import("./ActionDialog"));

/** Actions beside the menu; the others are in it. */
const BESIDE = 2;

interface Props {
  readonly entity: Entity;
  readonly record: AnyMessage;
  readonly id: string;
  readonly title: string;
  readonly deleted: boolean;
}

export function RecordActions({ entity, record, id, title, deleted }: Props) {
  const i18n = useI18n();
  const { t, label } = i18n;
  const { may } = useMe();
  const navigate = useNavigate();
  const [action, setAction] = useState<DescMethodUnary | undefined>();
  const { update, undelete } = entity.methods;
  const edits = !deleted && mayCall(may, update);
  const removes = !deleted && mayCall(may, entity.methods.delete);
  const restore = deleted && mayCall(may, undelete) ? undelete : undefined;
  const actions = deleted ? [] : entity.recordActions.filter((method) => mayCall(may, method));
  const editPath = `${entity.path}/${id}/edit`;
  useKeys([
    ...(edits
      ? [{ keys: "e", does: "keys.edit", group: "keys.record", run: () => void navigate({ to: editPath }) } as const]
      : []),
    { keys: "u", does: "keys.back", group: "keys.record", run: () => void navigate({ to: entity.path }) },
  ]);
  const run = (method: DescMethodUnary, request: object, done: (answer: AnyMessage) => void) => {
    invoke(method, create(method.input, request as never)).then(done, (error: unknown) => fail(error, i18n));
  };
  const remove = async () => {
    const method = entity.methods.delete;
    const soft = isSoftDeleted(entity);
    const text = t(soft ? "record.deleteSoft" : "record.deleteHard");
    const question = {
      title: t("record.deleteConfirm", { name: title }),
      text,
      yes: t("record.delete"),
      no: t("form.cancel"),
      danger: true,
    };
    if (!method || !(await confirm(question))) return;
    const field = idFieldOf(method.input, entity.desc);
    run(method, { [field?.localName ?? "id"]: id, etag: record["etag"] }, (answer) => {
      tell(t("record.deleted"));
      if (soft && answer.$typeName === entity.typeName) keepRecord(entity, answer);
      else {
        void navigate({ to: entity.path });
        forgetRecord(entity, id);
      }
    });
  };
  return (
    <>
      {actions.slice(0, BESIDE).map((method) => (
        <Button key={method.name} variant="default" onClick={() => setAction(method)}>
          {label(method)}
        </Button>
      ))}
      {restore ? (
        <Button
          leftSection={<IconRestore size={14} aria-hidden />}
          onClick={() =>
            run(restore, { id }, (answer) => {
              keepRecord(entity, answer);
              tell(t("record.actionDone", { name: t("record.undelete") }));
            })
          }
        >
          {t("record.undelete")}
        </Button>
      ) : null}
      {edits ? (
        <LinkButton to={editPath} title={`${t("record.edit")} (E)`} leftSection={<IconPencil size={14} aria-hidden />}>
          {t("record.edit")}
        </LinkButton>
      ) : null}
      {removes || actions.length > BESIDE ? (
        <LazyMenu
          target={
            <MoreTarget label={t("record.actions")}>
              <IconDots size={16} />
            </MoreTarget>
          }
          entries={[
            ...actions
              .slice(BESIDE)
              .map((method) => ({ key: method.name, text: label(method), run: () => setAction(method) })),
            ...(removes
              ? [
                  {
                    key: "delete",
                    text: t("record.delete"),
                    icon: <IconTrash size={15} aria-hidden />,
                    danger: true,
                    run: () => void remove(),
                  },
                ]
              : []),
          ]}
        />
      ) : null}
      <Suspense>
        {action ? (
          <ActionDialog entity={entity} method={action} id={id} record={record} onClose={() => setAction(undefined)} />
        ) : null}
      </Suspense>
    </>
  );
}
