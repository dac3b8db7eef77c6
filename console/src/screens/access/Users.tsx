// Everybody who may sign in, with their roles.
import { Button, MultiSelect } from "@mantine/core";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Role, RoleService } from "@client/gen/erp/identity/v1/role_pb";
import type { User, UserService } from "@client/gen/erp/identity/v1/user_pb";
import { tellChanges } from "../../api/changes";
import { useRpc } from "../../api/hooks";
import { client } from "../../api/wire";
import { refreshMe, useMe, useModel } from "../../app/session";
import { msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import type { I18n } from "../../i18n";
import { EnumBadge } from "../../resource/Value";
import { confirm } from "../../ui/confirm";
import { LinkButton } from "../../ui/LinkButton";
import { fail, tell } from "../../ui/notify";
import { Time } from "../../ui/Time";
import { Nothing, Panel } from "../parts/Panel";

const USERS = "erp.identity.v1.UserService";
const USER = "erp.identity.v1.User";

export function Users() {
  const { t } = useI18n();
  const { may } = useMe();
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["rpc", USERS, "listUsers"],
    meta: { touches: [USER] },
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      client<typeof UserService>(USERS).listUsers(
        { pageSize: 200, pageToken: pageParam, orderBy: "display_name" },
        { signal },
      ),
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  });
  const roles = useRpc<typeof RoleService>()(
    "erp.identity.v1.RoleService",
    "listRoles",
    { pageSize: 1000, orderBy: "name" },
    {
      enabled: may("identity.roles.read"),
      touches: ["erp.identity.v1.Role"],
    },
  );
  const users = data?.pages.flatMap((page) => page.users) ?? [];
  const add = may("identity.users.write") ? (
    <LinkButton to="/identity/users/new">{t("access.newUser")}</LinkButton>
  ) : null;
  return (
    <Panel title={t("access.users")} side={add} error={error ?? roles.error} loading={isPending} bones={6}>
      {users.length === 0 ? (
        <Nothing title={t("access.noUsers")}>{add}</Nothing>
      ) : (
        <div className="scroll-x" tabIndex={0} role="region" aria-label={t("access.users")}>
          <table className="lines">
            <thead>
              <tr>
                <th scope="col">{t("access.name")}</th>
                <th scope="col">{t("access.state")}</th>
                <th scope="col">{t("access.roles")}</th>
                <th scope="col">{t("access.lastLogin")}</th>
              </tr>
            </thead>
            <tbody>
              {users.map((user) => (
                <Row key={user.id} user={user} roles={roles.data?.roles ?? []} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage ? (
        <Button variant="subtle" m={10} loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("parts.more")}
        </Button>
      ) : null}
    </Panel>
  );
}

function Row({ user, roles }: { user: User; roles: readonly Role[] }) {
  const { t } = useI18n();
  const { may, user: me } = useMe();
  const state = useModel().registry.getEnum("erp.identity.v1.UserState")?.value[user.state];
  return (
    <tr>
      <th scope="row">
        <Link to={`/identity/users/${user.id}`} className="link">
          {user.displayName || user.email}
        </Link>{" "}
        {user.id === me.id ? <span className="badge">{t("access.you")}</span> : null}
        <br />
        <span className="soft" style={{ fontWeight: 400 }}>
          {user.email}
        </span>
      </th>
      <td>{state ? <EnumBadge value={state} /> : null}</td>
      <td>
        <Roles user={user} roles={roles} editable={may("identity.users.write") && roles.length > 0} />
      </td>
      <td className="soft tight">{user.lastLoginTime ? <Time ms={msOf(user.lastLoginTime)} /> : t("access.never")}</td>
    </tr>
  );
}

function Roles({ user, roles, editable }: { user: User; roles: readonly Role[]; editable: boolean }) {
  const i18n = useI18n();
  const { t } = i18n;
  const { user: me } = useMe();
  const [busy, setBusy] = useState(false);
  const nameOf = (id: string) => roles.find((role) => role.id === id)?.name ?? `…${id.slice(-8)}`;
  if (!editable) return <>{user.roleIds.map(nameOf).join(", ")}</>;
  const save = async (roleIds: string[]) => {
    // A role that one takes from oneself may be the one that it takes to give it back.
    const lost = user.id === me.id ? user.roleIds.filter((id) => !roleIds.includes(id)) : [];
    if (lost.length > 0 && !(await confirm(questionOf(lost.map(nameOf), t)))) return;
    setBusy(true);
    try {
      const request = { user: { id: user.id, roleIds, etag: user.etag }, updateMask: { paths: ["role_ids"] } };
      await client<typeof UserService>(USERS).updateUser(request);
      tell(t("record.saved"));
      if (user.id === me.id) void refreshMe();
    } catch (error) {
      fail(error, i18n);
    }
    tellChanges(new Map([[USER, new Set([user.id])]]));
    setBusy(false);
  };
  return (
    <MultiSelect
      size="xs"
      miw={220}
      aria-label={`${t("access.roles")}: ${user.displayName || user.email}`}
      data={roles.map(({ id, name }) => ({ value: id, label: name }))}
      value={[...user.roleIds]}
      disabled={busy}
      placeholder={user.roleIds.length === 0 ? t("access.noRoles") : ""}
      onChange={(next) => void save(next)}
    />
  );
}

function questionOf(names: readonly string[], t: I18n["t"]) {
  const title = t("access.loseRole", { name: names.join(", ") });
  return { title, text: t("access.loseRoleHint"), yes: t("access.loseRoleYes"), no: t("form.cancel"), danger: true };
}
