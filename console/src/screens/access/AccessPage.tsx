// Who may do what: users, roles with their permissions, one's own sessions, and keys for programs.
import { useMe, useModel } from "../../app/session";
import { useI18n } from "../../i18n";
import { Tabs } from "../parts/Tabs";
import { useSearchState } from "../parts/useSearchState";
import { ApiKeys } from "./ApiKeys";
import { RoleMatrix } from "./RoleMatrix";
import { Sessions } from "./Sessions";
import { Users } from "./Users";
import "./access.css";

export default function AccessPage() {
  const { t } = useI18n();
  const { may } = useMe();
  const { registry } = useModel();
  const [search] = useSearchState();
  const views = [
    ...(may("identity.users.read") ? [{ name: "users", title: t("access.users") }] : []),
    ...(may("identity.roles.read") ? [{ name: "roles", title: t("access.roles") }] : []),
    ...(registry.getService("erp.identity.v1.SessionService")
      ? [{ name: "sessions", title: t("access.sessions") }]
      : []),
    ...(may("identity.api-keys.read") ? [{ name: "keys", title: t("access.keys") }] : []),
  ];
  const view = views.find(({ name }) => name === search["view"])?.name ?? views[0]?.name;
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t("access.title")}</h1>
      </div>
      <Tabs label={t("access.title")} tabs={views} current={view ?? ""} />
      {view === "users" ? <Users /> : null}
      {view === "roles" ? <RoleMatrix /> : null}
      {view === "sessions" ? <Sessions /> : null}
      {view === "keys" ? <ApiKeys /> : null}
    </div>
  );
}
