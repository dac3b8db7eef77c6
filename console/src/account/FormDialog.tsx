// A small form in a dialog: its inputs, what the server said, and the buttons.
import { Button, Modal } from "@mantine/core";
import { useState } from "react";
import type { ReactNode } from "react";
import { TesseraError } from "@client/error";
import "../theme/inputs.css";
import "../theme/overlays.css";
import "../form/form.css";
import type { Errors } from "../form/useErrors";
import { useI18n } from "../i18n";
import { ErrorNotice } from "../ui/ErrorNotice";

interface Props {
  readonly title: string;
  readonly errors: Errors;
  readonly children: ReactNode;
  /** Answers whether it is done, so that the dialog can close. */
  onSave: () => Promise<boolean>;
  onClose: () => void;
}

export function FormDialog({ title, errors, children, onSave, onClose }: Props) {
  const { t } = useI18n();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    errors.clear();
    try {
      if (await onSave()) onClose();
    } catch (error) {
      errors.take(TesseraError.from(error));
    }
    setBusy(false);
  };
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": t("keys.close") }}>
      <form
        noValidate
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void save();
        }}
      >
        {children}
        {errors.thrown === undefined ? null : <ErrorNotice error={errors.thrown} fields={false} />}
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <Button variant="default" onClick={onClose}>
            {t("form.cancel")}
          </Button>
          <Button type="submit" loading={busy}>
            {t("form.save")}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
