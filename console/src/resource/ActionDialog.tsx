// One of a record's own methods: its form, or only the question whether to do it; and its answer, where that is not the
// record itself.
import { Modal } from "@mantine/core";
import "../theme/overlays.css";
import { useState } from "react";
import { toJsonString } from "@bufbuild/protobuf";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import type { AnyMessage } from "../api/wire";
import { tellChanges } from "../api/changes";
import { useModel } from "../app/session";
import { RequestForm } from "../form/RequestForm";
import { useI18n } from "../i18n";
import { Prose } from "../ui/Prose";
import { briefly, commentOf } from "../schema/comments";
import type { Entity } from "../schema/model";
import { tell } from "../ui/notify";
import { keepRecord, textIn } from "./records";

interface Props {
  readonly entity: Entity;
  readonly method: DescMethodUnary;
  readonly id: string;
  readonly record: AnyMessage;
  onClose: () => void;
}

export default function ActionDialog({ entity, method, id, record, onClose }: Props) {
  const { t, label } = useI18n();
  const { registry } = useModel();
  const [answer, setAnswer] = useState<AnyMessage | undefined>();
  const done = (given: AnyMessage) => {
    if (given.$typeName === entity.typeName) {
      keepRecord(entity, given);
      tell(t("record.actionDone", { name: label(method) }));
      onClose();
      return;
    }
    tellChanges(new Map([[entity.typeName, new Set([id])]]));
    setAnswer(given);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={label(method)}
      size="lg"
      returnFocus
      closeButtonProps={{ "aria-label": t("keys.close") }}
    >
      {answer ? (
        <>
          <p className="soft">{t("form.result")}</p>
          <pre className="json">{toJsonString(method.output, answer, { prettySpaces: 2, registry })}</pre>
        </>
      ) : (
        <>
          <p className="help" lang="en">
            <Prose text={briefly(commentOf(method))} />
          </p>
          <RequestForm
            entity={entity}
            method={method}
            id={id}
            etag={textIn(record, "etag")}
            submit={label(method)}
            onDone={done}
            onCancel={onClose}
          />
        </>
      )}
    </Modal>
  );
}
