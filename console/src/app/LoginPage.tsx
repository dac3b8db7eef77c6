import { Link } from "@tanstack/react-router";
import { useI18n } from "../i18n";
import { Door } from "../ui/Door";
import { LoginForm } from "./LoginForm";

export function LoginPage() {
  const { t } = useI18n();
  return (
    <Door title={t("login.title")}>
      <LoginForm />
      <p className="soft" style={{ marginTop: 20 }}>
        {t("login.noAccount")}{" "}
        <Link to="/signup" className="link">
          {t("login.toSignUp")}
        </Link>
      </p>
    </Door>
  );
}
