// The company, and what those who look after it can do with it. For everybody else it is a name.
import { lazy } from "react";
import { useI18n } from "../i18n";
import { withTexts } from "../screens/registry";
import { OnDemand } from "../ui/OnDemand";
import { useMe } from "./session";

const OpenTenantMenu = lazy(withTexts(() => import("../account/OpenTenantMenu")));

export function TenantMenu() {
  const { t } = useI18n();
  const { may, tenant } = useMe();
  const name = tenant.displayName;
  const manages = may("identity.tenants.write") || may("identity.users.read");
  if (!manages) {
    return (
      <span className="tenant" title={name}>
        {name}
      </span>
    );
  }
  const target = (
    <button type="button" className="plain tenant" title={name} aria-haspopup="menu">
      <span className="sr">{t("tenant.menu")}: </span>
      {name}
    </button>
  );
  return (
    <OnDemand target={target}>
      <OpenTenantMenu target={target} />
    </OnDemand>
  );
}
