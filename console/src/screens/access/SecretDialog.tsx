// A key's text, this once.
import { Button, CopyButton, Modal } from "@mantine/core";
import "../../theme/inputs.css";
import "../../theme/overlays.css";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useI18n } from "../../i18n";

export function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }) {
  const { t } = useI18n();
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("access.secret")}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      <div className="stack">
        <p style={{ margin: 0 }}>{t("access.secretHint")}</p>
        <code className="secret" data-testid="secret">
          {secret}
        </code>
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <CopyButton value={secret}>
            {({ copied, copy }) => (
              <Button
                data-autofocus
                leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
                onClick={copy}
              >
                {copied ? t("record.copied") : t("parts.copy")}
              </Button>
            )}
          </CopyButton>
          <Button variant="default" onClick={onClose}>
            {t("access.kept")}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
