// Founding a company with its first user.
import { Button, PasswordInput, TextInput } from "@mantine/core";
import "../theme/inputs.css";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { SubmitEvent } from "react";
import { TesseraError } from "@client/error";
import { useI18n } from "../i18n";
import { Door } from "../ui/Door";
import { ErrorNotice } from "../ui/ErrorNotice";
import { signUp } from "./session";

const EMPTY = { companyName: "", slug: "", displayName: "", email: "", password: "", baseCurrency: "EUR" };

/** `Müller & Söhne` becomes `mueller-soehne`. */
export function slugOf(company: string): string {
  const plain = company
    .toLowerCase()
    .replace(/ä/g, "ae")
    .replace(/ö/g, "oe")
    .replace(/ü/g, "ue")
    .replace(/ß/g, "ss")
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-");
  return plain
    .replace(/^[^a-z]+/, "")
    .slice(0, 40)
    .replace(/-+$/, "");
}

export function SignUpPage() {
  const { t, rule } = useI18n();
  const [values, setValues] = useState(EMPTY);
  const [ownSlug, setOwnSlug] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await signUp(values);
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  const violation = (field: string) => {
    const found = error instanceof TesseraError ? error.violations.find((one) => one.field === field) : undefined;
    return found && rule(found.rule, found.description);
  };
  const input = (name: keyof typeof EMPTY, field: string) => ({
    name,
    value: values[name],
    error: violation(field),
    required: name !== "displayName",
    withAsterisk: false,
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setValues((now) => ({
        ...now,
        [name]: value,
        ...(name === "companyName" && !ownSlug ? { slug: slugOf(value) } : {}),
      }));
      if (name === "slug") setOwnSlug(true);
    },
  });
  return (
    <Door title={t("signup.title")}>
      <form className="stack" onSubmit={(event) => void submit(event)}>
        <TextInput
          {...input("companyName", "company_name")}
          label={t("signup.company")}
          autoComplete="organization"
          autoFocus
        />
        <TextInput {...input("slug", "slug")} label={t("signup.slug")} description={t("signup.slugHint")} />
        <TextInput {...input("displayName", "display_name")} label={t("signup.name")} autoComplete="name" />
        <TextInput {...input("email", "email")} label={t("signup.email")} type="email" autoComplete="username" />
        <PasswordInput
          {...input("password", "password")}
          label={t("signup.password")}
          description={t("signup.passwordHint")}
          autoComplete="new-password"
        />
        <TextInput
          {...input("baseCurrency", "base_currency")}
          label={t("signup.currency")}
          description={t("signup.currencyHint")}
          maxLength={3}
        />
        {error ? <ErrorNotice error={error} fields={false} /> : null}
        <Button type="submit" size="sm" loading={busy}>
          {t("signup.submit")}
        </Button>
      </form>
      <p className="soft" style={{ marginTop: 20 }}>
        {t("signup.haveAccount")}{" "}
        <Link to="/login" className="link">
          {t("signup.toLogin")}
        </Link>
      </p>
    </Door>
  );
}
