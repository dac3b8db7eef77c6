// A new role begins without permissions, or with those of another one.
import { Button, Modal, Select, TextInput } from "@mantine/core";
import "../../theme/inputs.css";
import "../../theme/overlays.css";
import { useState } from "react";
import { TesseraError } from "@client/error";
import type { RoleService } from "@client/gen/erp/identity/v1/role_pb";
import { tellChanges } from "../../api/changes";
import { useRpc } from "../../api/hooks";
import { client } from "../../api/wire";
import { useI18n } from "../../i18n";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { tell } from "../../ui/notify";

const ROLES = "erp.identity.v1.RoleService";

export function NewRole({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  const { data } = useRpc<typeof RoleService>()(ROLES, "listRoles", { pageSize: 1000, orderBy: "id" });
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [from, setFrom] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const create = async () => {
    setBusy(true);
    try {
      const permissions = data?.roles.find(({ id }) => id === from)?.permissions ?? [];
      await client<typeof RoleService>(ROLES).createRole({
        role: { name: name.trim(), description: description.trim(), permissions },
      });
      tell(t("record.created"));
      tellChanges(new Map([["erp.identity.v1.Role", new Set()]]));
      onClose();
    } catch (error) {
      setFailure(TesseraError.from(error));
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={t("access.newRole")} closeButtonProps={{ "aria-label": t("keys.close") }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) void create();
        }}
      >
        <TextInput
          data-autofocus
          label={t("access.roleName")}
          required
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label={t("access.description")}
          maxLength={1000}
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <Select
          label={t("access.from")}
          description={t("access.fromHint")}
          clearable
          data={(data?.roles ?? []).map((role) => ({ value: role.id, label: role.name }))}
          value={from}
          onChange={setFrom}
        />
        {failure ? <ErrorNotice error={failure} /> : null}
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <Button variant="default" onClick={onClose}>
            {t("form.cancel")}
          </Button>
          <Button type="submit" loading={busy} disabled={!name.trim()}>
            {t("form.create")}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
