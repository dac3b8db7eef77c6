// One's own name, and where one reads numbers and times.
import { TextInput } from "@mantine/core";
import { useState } from "react";
import type { UserService } from "@client/gen/erp/identity/v1/user_pb";
import { tellChanges } from "../api/changes";
import { client } from "../api/wire";
import { refreshMe, useMe } from "../app/session";
import { useErrors } from "../form/useErrors";
import { useI18n } from "../i18n";
import { tell } from "../ui/notify";
import { FormDialog } from "./FormDialog";
import { RegionInputs } from "./RegionInputs";

export function ProfileDialog({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  // What is read anew while one types must not change what was begun with.
  const [user] = useState(useMe().user);
  const errors = useErrors();
  const [displayName, setName] = useState(user.displayName);
  const [locale, setLocale] = useState(user.locale);
  const [timeZone, setZone] = useState(user.timeZone);
  const save = async () => {
    await client<typeof UserService>("erp.identity.v1.UserService").updateUser({
      user: { id: user.id, etag: user.etag, displayName: displayName.trim(), locale, timeZone },
      updateMask: { paths: ["display_name", "locale", "time_zone"] },
    });
    tell(t("record.saved"));
    tellChanges(new Map([["erp.identity.v1.User", new Set([user.id])]]));
    await refreshMe();
    return true;
  };
  return (
    <FormDialog title={t("account.profile")} errors={errors} onSave={save} onClose={onClose}>
      <TextInput
        data-autofocus
        label={t("signup.name")}
        required
        maxLength={200}
        value={displayName}
        error={errors.at("user.display_name")}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <RegionInputs
        locale={locale}
        timeZone={timeZone}
        none={t("account.asCompany")}
        errorAt={(field) => errors.at(`user.${field}`)}
        onLocale={setLocale}
        onTimeZone={setZone}
      />
    </FormDialog>
  );
}
