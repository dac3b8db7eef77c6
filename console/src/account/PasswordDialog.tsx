// A new password for oneself, which ends all other sessions.
import { PasswordInput } from "@mantine/core";
import { create } from "@bufbuild/protobuf";
import { useState } from "react";
import { TesseraError } from "@client/error";
import { auth } from "../api/wire";
import type { AnyMessage } from "../api/wire";
import { useMe, useModel } from "../app/session";
import { loadValidator } from "../form/rules";
import { useErrors } from "../form/useErrors";
import { useI18n } from "../i18n";
import { tell } from "../ui/notify";
import { FormDialog } from "./FormDialog";

export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  const { user } = useMe();
  const { registry } = useModel();
  const errors = useErrors();
  const [currentPassword, setCurrent] = useState("");
  const [newPassword, setNew] = useState("");
  const save = async () => {
    const schema = registry.getMessage("erp.identity.v1.ChangePasswordRequest");
    if (!schema) return false;
    const request = create(schema, { currentPassword, newPassword }) as AnyMessage;
    const validate = await loadValidator(registry);
    if (!errors.check([], validate(schema, request))) return false;
    try {
      const { endedSessions } = await auth().changePassword({ currentPassword, newPassword });
      tell(t("account.passwordChanged", { count: endedSessions }));
      return true;
    } catch (error) {
      if (TesseraError.from(error).reason !== "CREDENTIALS_WRONG") throw error;
      return errors.check([], [{ path: "current_password", rule: "", message: t("account.wrongPassword") }]);
    }
  };
  return (
    <FormDialog title={t("account.password")} errors={errors} onSave={save} onClose={onClose}>
      {/* Managers of passwords ask whose password it is. */}
      <input type="text" hidden readOnly autoComplete="username" value={user.email} />
      <PasswordInput
        data-autofocus
        label={t("account.currentPassword")}
        autoComplete="current-password"
        required
        maxLength={200}
        value={currentPassword}
        error={errors.at("current_password")}
        aria-invalid={errors.at("current_password") !== undefined}
        onChange={(event) => setCurrent(event.currentTarget.value)}
      />
      <PasswordInput
        label={t("account.newPassword")}
        description={t("account.newPasswordHint")}
        autoComplete="new-password"
        required
        maxLength={200}
        value={newPassword}
        error={errors.at("new_password")}
        aria-invalid={errors.at("new_password") !== undefined}
        onChange={(event) => setNew(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
