// The head of a role's column.
import { ActionIcon } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { IconLock, IconTrash } from "@tabler/icons-react";
import type { Role, RoleService } from "@client/gen/erp/identity/v1/role_pb";
import { tellChanges } from "../../api/changes";
import { client } from "../../api/wire";
import { useMe } from "../../app/session";
import { useI18n } from "../../i18n";
import { confirm } from "../../ui/confirm";
import { fail, tell } from "../../ui/notify";

export function RoleHead({ role }: { role: Role }) {
  const i18n = useI18n();
  const { t } = i18n;
  const { may } = useMe();
  const remove = async () => {
    const title = t("record.deleteConfirm", { name: role.name });
    if (
      !(await confirm({
        title,
        text: t("record.deleteHard"),
        yes: t("record.delete"),
        no: t("form.cancel"),
        danger: true,
      }))
    )
      return;
    try {
      await client<typeof RoleService>("erp.identity.v1.RoleService").deleteRole({ id: role.id, etag: role.etag });
      tell(t("record.deleted"));
    } catch (error) {
      fail(error, i18n);
    }
    tellChanges(new Map([["erp.identity.v1.Role", new Set([role.id])]]));
  };
  return (
    <th scope="col" title={role.description}>
      <span className="role-head">
        <Link to={`/identity/roles/${role.id}`} className="link">
          {role.name}
        </Link>
        {role.system ? <IconLock size={13} aria-label={t("access.system")} /> : null}
        {!role.system && may("identity.roles.delete") ? (
          <ActionIcon size="xs" aria-label={`${t("record.delete")}: ${role.name}`} onClick={() => void remove()}>
            <IconTrash size={13} />
          </ActionIcon>
        ) : null}
      </span>
    </th>
  );
}
