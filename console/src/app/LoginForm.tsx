// Signing in: on its own page, or over one whose session has ended.
import { Button, TextInput } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useState } from "react";
import type { SubmitEvent } from "react";
import { TesseraError } from "@client/error";
import { useI18n } from "../i18n";
import { ErrorNotice } from "../ui/ErrorNotice";
import { signIn } from "./session";

export function LoginForm({ email: known = "", tenantSlug: tenant = "" }: { email?: string; tenantSlug?: string }) {
  const { t } = useI18n();
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState("");
  const [tenantSlug, setTenantSlug] = useState(tenant);
  const [asksTenant, setAsksTenant] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await signIn({ email, password, tenantSlug });
    } catch (thrown) {
      setError(thrown);
      setAsksTenant(asksTenant || (thrown instanceof TesseraError && thrown.reason === "TENANT_AMBIGUOUS"));
      setBusy(false);
    }
  };
  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      <TextInput
        type="email"
        name="email"
        autoComplete="username"
        label={t("login.email")}
        value={email}
        required
        withAsterisk={false}
        autoFocus={known === ""}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <TextInput
        type="password"
        name="password"
        autoComplete="current-password"
        label={t("login.password")}
        value={password}
        required
        withAsterisk={false}
        autoFocus={known !== ""}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {asksTenant ? (
        <TextInput
          name="tenant"
          label={t("login.tenant")}
          description={t("login.tenantHint")}
          value={tenantSlug}
          autoFocus
          onChange={(event) => setTenantSlug(event.currentTarget.value)}
        />
      ) : null}
      {error ? <ErrorNotice error={error} /> : null}
      <Button type="submit" size="sm" loading={busy}>
        {t("login.submit")}
      </Button>
    </form>
  );
}
