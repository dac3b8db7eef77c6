// A new text for a key; the old one goes on for a while, so that programs can change over.
import { Button, Modal, Select } from "@mantine/core";
import "../../theme/inputs.css";
import "../../theme/overlays.css";
import { useState } from "react";
import { TesseraError } from "@client/error";
import type { ApiKey, ApiKeyService } from "@client/gen/erp/identity/v1/api_key_pb";
import { client } from "../../api/wire";
import { useI18n } from "../../i18n";
import type { Key } from "../../i18n";
import { ErrorNotice } from "../../ui/ErrorNotice";

const OVERLAPS: readonly (readonly [seconds: string, title: Key])[] = [
  ["0", "access.overlapNone"],
  ["3600", "access.overlapHour"],
  ["86400", "access.overlapDay"],
  ["604800", "access.overlapWeek"],
];

interface Props {
  readonly apiKey: ApiKey;
  onGiven: (secret: string) => void;
  onClose: () => void;
}

export function RotateKey({ apiKey, onGiven, onClose }: Props) {
  const { t } = useI18n();
  const [overlap, setOverlap] = useState("3600");
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const rotate = async () => {
    setBusy(true);
    try {
      const request = { id: apiKey.id, overlap: { seconds: BigInt(overlap), nanos: 0 } };
      const { key } = await client<typeof ApiKeyService>("erp.identity.v1.ApiKeyService").rotateApiKey(request);
      onGiven(key);
    } catch (error) {
      setFailure(TesseraError.from(error));
      setBusy(false);
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("access.rotateTitle", { name: apiKey.displayName })}
      closeButtonProps={{ "aria-label": t("keys.close") }}
    >
      <div className="stack">
        <Select
          label={t("access.overlap")}
          description={t("access.overlapHint")}
          allowDeselect={false}
          data={OVERLAPS.map(([value, title]) => ({ value, label: t(title) }))}
          value={overlap}
          onChange={(next) => setOverlap(next ?? "0")}
        />
        {failure ? <ErrorNotice error={failure} /> : null}
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <Button variant="default" onClick={onClose}>
            {t("form.cancel")}
          </Button>
          <Button data-autofocus loading={busy} onClick={() => void rotate()}>
            {t("access.rotate")}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
