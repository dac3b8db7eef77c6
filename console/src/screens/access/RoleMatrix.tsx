// Roles across, permissions down, by domain. Changes are gathered, and saved with the version that they were made from.
import { Button, Checkbox, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { Fragment, useState } from "react";
import { TesseraError } from "@client/error";
import type { AuthService } from "@client/gen/erp/identity/v1/auth_pb";
import type { Role, RoleService } from "@client/gen/erp/identity/v1/role_pb";
import { tellChanges } from "../../api/changes";
import { useRpc } from "../../api/hooks";
import { client } from "../../api/wire";
import { refreshMe, useMe, useModel } from "../../app/session";
import { useI18n } from "../../i18n";
import type { Key } from "../../i18n";
import { readable } from "../../i18n/labels";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { tell } from "../../ui/notify";
import { Panel } from "../parts/Panel";
import { useLeaveQuestion } from "../parts/useLeaveQuestion";
import { byDomain, grantOf, isSame, toggled } from "./grants";
import { NewRole } from "./NewRole";
import { RoleHead } from "./RoleHead";

const ROLES = "erp.identity.v1.RoleService";
const ROLE = "erp.identity.v1.Role";

/** What was changed of a role and is not saved yet, with the version that was seen when the change began. */
interface Change {
  readonly etag: string;
  readonly permissions: readonly string[];
}

export function RoleMatrix() {
  const { t } = useI18n();
  const { may } = useMe();
  const roles = useRpc<typeof RoleService>()(
    ROLES,
    "listRoles",
    { pageSize: 1000, orderBy: "id" },
    { touches: [ROLE] },
  );
  const known = useRpc<typeof AuthService>()("erp.identity.v1.AuthService", "listPermissions", {});
  const [changes, setChanges] = useState<ReadonlyMap<string, Change>>(new Map());
  const [words, setWords] = useState("");
  const [adding, setAdding] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<TesseraError | undefined>();
  useLeaveQuestion(changes.size > 0);
  const writes = may("identity.roles.write");
  const names = (known.data?.permissions ?? [])
    .map(({ name }) => name)
    .filter((name) => name.includes(words.trim().toLowerCase()));
  const all = roles.data?.roles ?? [];
  const toggle = (role: Role, name: string) => {
    const before = changes.get(role.id) ?? { etag: role.etag, permissions: role.permissions };
    const permissions = toggled(before.permissions, name);
    const next = new Map(changes);
    if (isSame(permissions, role.permissions)) next.delete(role.id);
    else next.set(role.id, { ...before, permissions });
    setChanges(next);
  };
  const save = async () => {
    setBusy(true);
    setFailure(undefined);
    const left = new Map(changes);
    try {
      for (const [id, { etag, permissions }] of changes) {
        await client<typeof RoleService>(ROLES).updateRole({
          role: { id, etag, permissions: [...permissions] },
          updateMask: { paths: ["permissions"] },
        });
        left.delete(id);
      }
      tell(t("record.saved"));
    } catch (error) {
      setFailure(TesseraError.from(error));
    }
    setChanges(left);
    setBusy(false);
    tellChanges(new Map([[ROLE, new Set()]]));
    void refreshMe();
  };
  const side = writes ? (
    <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding(true)}>
      {t("access.newRole")}
    </Button>
  ) : null;
  return (
    <>
      <div className="tools">
        <TextInput
          label={t("access.find")}
          placeholder="orders"
          w={260}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      </div>
      <Panel
        title={t("access.matrix")}
        side={side}
        error={roles.error ?? known.error}
        loading={roles.isPending || known.isPending}
        bones={10}
      >
        <div className="matrix-scroll" tabIndex={0} role="region" aria-label={t("access.matrix")}>
          <table className="lines matrix grants">
            <thead>
              <tr>
                <th scope="col">{t("access.permission")}</th>
                {all.map((role) => (
                  <RoleHead key={role.id} role={role} />
                ))}
              </tr>
            </thead>
            <tbody>
              {[...byDomain(names)].map(([domain, ofDomain]) => (
                <Domain
                  key={domain}
                  name={domain}
                  permissions={ofDomain}
                  roles={all}
                  changes={changes}
                  writes={writes}
                  onToggle={toggle}
                />
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      {failure ? (
        <Failed
          error={failure}
          onDiscard={() => {
            setChanges(new Map());
            setFailure(undefined);
          }}
        />
      ) : null}
      {changes.size > 0 ? (
        <div className="bulk" role="status">
          {t("access.unsaved", { count: changes.size })}
          <Button variant="default" onClick={() => setChanges(new Map())}>
            {t("form.discard")}
          </Button>
          <Button loading={busy} onClick={() => void save()}>
            {t("form.save")}
          </Button>
        </div>
      ) : null}
      {adding ? <NewRole onClose={() => setAdding(false)} /> : null}
    </>
  );
}

/** Somebody else was faster: what was changed here is kept until one gives it up. */
function Failed({ error, onDiscard }: { error: TesseraError; onDiscard: () => void }) {
  const { t } = useI18n();
  return (
    <div className="stack" style={{ marginTop: 12 }}>
      <ErrorNotice error={error} />
      {error.code === "ABORTED" ? (
        <div className="row wrap">
          <span className="soft">{t("access.stale")}</span>
          <Button variant="default" onClick={onDiscard}>
            {t("access.takeTheirs")}
          </Button>
        </div>
      ) : null}
    </div>
  );
}

interface DomainProps {
  readonly name: string;
  readonly permissions: readonly string[];
  readonly roles: readonly Role[];
  readonly changes: ReadonlyMap<string, Change>;
  readonly writes: boolean;
  onToggle: (role: Role, permission: string) => void;
}

function Domain({ name, permissions, roles, changes, writes, onToggle }: DomainProps) {
  const { t, domain } = useI18n();
  const { may } = useMe();
  const shown = useShown();
  return (
    <Fragment>
      <tr className="group">
        <th scope="rowgroup" colSpan={roles.length + 1}>
          {domain(name)}
        </th>
      </tr>
      {permissions.map((permission) => (
        <tr key={permission}>
          <th scope="row" title={permission}>
            {shown(permission)}
          </th>
          {roles.map((role) => {
            const granted = changes.get(role.id)?.permissions ?? role.permissions;
            const grant = grantOf(granted, permission);
            const why = role.system
              ? t("access.system")
              : grant.kind === "covered"
                ? t("access.covered", { by: grant.by })
                : may(permission)
                  ? ""
                  : t("access.beyond");
            return (
              <td key={role.id} data-changed={grant.kind !== grantOf(role.permissions, permission).kind} title={why}>
                <Checkbox
                  size="xs"
                  aria-label={`${role.name}: ${permission}`}
                  checked={grant.kind !== "none"}
                  disabled={!writes || why !== ""}
                  onChange={() => onToggle(role, permission)}
                />
              </td>
            );
          })}
        </tr>
      ))}
    </Fragment>
  );
}

const VERBS: Readonly<Record<string, Key>> = {
  read: "access.can.read",
  write: "access.can.write",
  delete: "access.can.delete",
  cancel: "access.can.cancel",
  operate: "access.can.operate",
  replay: "access.can.replay",
};
/** What permissions are for and no entity is. */
const THINGS: Readonly<Record<string, Key>> = {
  "audit.entries": "access.of.audit",
  "finance.reports": "access.of.reports",
  "inventory.costs": "access.of.costs",
  "ops.dead-letters": "access.of.deadLetters",
  "ops.events": "access.of.events",
};

/** `crm.accounts.read` below `crm` is `Accounts: read`; what a newer server asks for is called by its own name. */
function useShown(): (permission: string) => string {
  const { t, plural } = useI18n();
  const model = useModel();
  return (permission) => {
    const [domain = "", collection = "", verb = ""] = permission.split(".");
    const entity = model.at(domain, collection);
    const thing = THINGS[`${domain}.${collection}`];
    const can = VERBS[verb];
    const what = entity ? plural(entity.typeName) : thing ? t(thing) : readable(collection);
    return `${what}: ${can ? t(can) : readable(verb).toLowerCase()}`;
  };
}
