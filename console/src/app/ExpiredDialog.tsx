// The session has ended: the page stays as it is, with everything typed, until one has signed in again.
import { Button, Modal } from "@mantine/core";
import "../theme/overlays.css";
import { useI18n } from "../i18n";
import { LoginForm } from "./LoginForm";
import { signOut, useMe } from "./session";

export default function ExpiredDialog() {
  const { t } = useI18n();
  const { user, tenant } = useMe();
  return (
    <Modal
      opened
      onClose={() => undefined}
      title={t("login.again")}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      size="sm"
      zIndex={400}
    >
      <p style={{ marginTop: 0 }}>{t("login.expired")}</p>
      <LoginForm email={user.email} tenantSlug={tenant.slug} />
      <Button variant="subtle" mt={10} fullWidth onClick={() => void signOut().catch(() => undefined)}>
        {t("login.asOther")}
      </Button>
    </Modal>
  );
}
