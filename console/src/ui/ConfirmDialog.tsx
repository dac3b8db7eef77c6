import { Button, Modal } from "@mantine/core";
import "../theme/overlays.css";
import type { Asked } from "./confirm";

export default function ConfirmDialog({ asked: { question, answer } }: { asked: Asked }) {
  return (
    <Modal opened onClose={() => answer(false)} title={question.title} size="sm" withCloseButton={false}>
      <p style={{ margin: "0 0 18px" }}>{question.text}</p>
      <div className="row" style={{ justifyContent: "flex-end" }}>
        <Button variant="default" onClick={() => answer(false)}>
          {question.no}
        </Button>
        <Button {...(question.danger ? { color: "red.8" } : {})} data-autofocus onClick={() => answer(true)}>
          {question.yes}
        </Button>
      </div>
    </Modal>
  );
}
