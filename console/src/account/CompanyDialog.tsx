// The company's name, and the language and zone of its documents and days.
import { TextInput } from "@mantine/core";
import { useState } from "react";
import type { TenantService } from "@client/gen/erp/identity/v1/tenant_pb";
import { client } from "../api/wire";
import { refreshMe, useMe } from "../app/session";
import { useErrors } from "../form/useErrors";
import { useI18n } from "../i18n";
import { tell } from "../ui/notify";
import { FormDialog } from "./FormDialog";
import { RegionInputs } from "./RegionInputs";

export function CompanyDialog({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  // What is read anew while one types must not change what was begun with.
  const [tenant] = useState(useMe().tenant);
  const errors = useErrors();
  const [displayName, setName] = useState(tenant.displayName);
  const [locale, setLocale] = useState(tenant.locale);
  const [timeZone, setZone] = useState(tenant.timeZone);
  const save = async () => {
    await client<typeof TenantService>("erp.identity.v1.TenantService").updateTenant({
      tenant: { id: tenant.id, etag: tenant.etag, displayName: displayName.trim(), locale, timeZone },
      updateMask: { paths: ["display_name", "locale", "time_zone"] },
    });
    tell(t("record.saved"));
    await refreshMe();
    return true;
  };
  return (
    <FormDialog title={t("account.company")} errors={errors} onSave={save} onClose={onClose}>
      <TextInput
        data-autofocus
        label={t("signup.company")}
        required
        maxLength={200}
        value={displayName}
        error={errors.at("tenant.display_name")}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <RegionInputs
        locale={locale}
        timeZone={timeZone}
        none={t("account.usual")}
        errorAt={(field) => errors.at(`tenant.${field}`)}
        onLocale={setLocale}
        onTimeZone={setZone}
      />
    </FormDialog>
  );
}
