// One of a record's own methods: its form, or only the question whether to do it; and its answer, where that is not the
// record itself.
import { Modal } from "@mantine/core";
import "../theme/overlays.css";
import { useState } from "react";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import type { AnyMessage } from "../api/wire";
import { tellChanges } from "../api/changes";
import { RequestForm } from "../form/RequestForm";
import { useI18n } from "../i18n";
import { Prose } from "../ui/Prose";
import { briefly, commentOf } from "../schema/comments";
import type { Entity } from "../schema/model";
import { tell } from "../ui/notify";
import { recordIn, secretIn } from "./answers";
import { AnswerFields } from "./Fields";
import { GivenSecret } from "./GivenSecret";
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
  const [answer, setAnswer] = useState<AnyMessage | undefined>();
  const done = (given: AnyMessage) => {
    const made = recordIn(entity, method.output, given);
    if (made) keepRecord(entity, made);
    else tellChanges(new Map([[entity.typeName, new Set([id])]]));
    if (made === given || method.output.fields.length === 0) {
      tell(t("record.actionDone", { name: label(method) }));
      onClose();
      return;
    }
    setAnswer(given);
  };
  const secret = answer ? secretIn(method.output, answer) : "";
  // The text of a key is what was asked for; it is shown alone, and stays until it was taken.
  if (secret) return <GivenSecret secret={secret} onClose={onClose} />;
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
          <AnswerFields message={method.output} answer={answer} />
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
