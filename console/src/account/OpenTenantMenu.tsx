// What those who look after the company can do with it.
import { useNavigate } from "@tanstack/react-router";
import { IconBuilding, IconShieldCheck } from "@tabler/icons-react";
import { useState } from "react";
import type { ReactElement } from "react";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import type { MenuEntry } from "../ui/LazyMenu";
import OpenMenu from "../ui/OpenMenu";
import { CompanyDialog } from "./CompanyDialog";

export default function OpenTenantMenu({ target }: { target: ReactElement }) {
  const { t } = useI18n();
  const { tenant, may } = useMe();
  const navigate = useNavigate();
  const [editing, setEditing] = useState(false);
  const entries: MenuEntry[] = [
    ...(may("identity.tenants.write")
      ? [
          {
            key: "company",
            text: t("account.company"),
            icon: <IconBuilding size={15} aria-hidden />,
            run: () => setEditing(true),
          },
        ]
      : []),
    ...(may("identity.users.read")
      ? [
          {
            key: "access",
            text: t("account.access"),
            icon: <IconShieldCheck size={15} aria-hidden />,
            run: () => void navigate({ to: "/access" }),
          },
        ]
      : []),
  ];
  const head = (
    <div className="me-card">
      {/* A menu owns entries and plain text only. */}
      <b>{tenant.displayName}</b>
      <span className="soft">
        {tenant.slug} · {tenant.baseCurrency}
      </span>
    </div>
  );
  return (
    <>
      <OpenMenu entries={entries} target={target} head={head} width={230} position="bottom-start" />
      {editing ? <CompanyDialog onClose={() => setEditing(false)} /> : null}
    </>
  );
}
