// A new key: what it is for, what it may do of what its maker may do, and until when.
import { Button, Modal, MultiSelect, TextInput } from "@mantine/core";
import "../../theme/inputs.css";
import "../../theme/overlays.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useState } from "react";
import { TesseraError } from "@client/error";
import type { ApiKeyService } from "@client/gen/erp/identity/v1/api_key_pb";
import type { AuthService } from "@client/gen/erp/identity/v1/auth_pb";
import { useRpc } from "../../api/hooks";
import { client } from "../../api/wire";
import { useMe } from "../../app/session";
import { instantOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { useTimeZone } from "../../ui/zone";

interface Props {
  onGiven: (secret: string) => void;
  onClose: () => void;
}

export function NewKey({ onGiven, onClose }: Props) {
  const { t } = useI18n();
  const zone = useTimeZone();
  const scopesToChoose = useScopes();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const [until, setUntil] = useState("");
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const ready = name.trim() !== "" && scopes.length > 0;
  const create = async () => {
    setBusy(true);
    try {
      const end = until ? instantOf(until, zone) : undefined;
      const apiKey = {
        displayName: name.trim(),
        scopes,
        ...(end === undefined ? {} : { expireTime: timestampFromMs(end) }),
      };
      const { key } = await client<typeof ApiKeyService>("erp.identity.v1.ApiKeyService").createApiKey({ apiKey });
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
      title={t("access.newKey")}
      size="lg"
      closeButtonProps={{ "aria-label": t("keys.close") }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) void create();
        }}
      >
        <TextInput
          data-autofocus
          label={t("access.keyName")}
          placeholder={t("access.keyExample")}
          required
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <MultiSelect
          label={t("access.scopes")}
          description={t("access.scopesHint")}
          required
          searchable
          limit={80}
          data={scopesToChoose}
          value={scopes}
          onChange={setScopes}
        />
        <TextInput
          type="date"
          label={t("access.expires")}
          description={t("access.expiresHint")}
          w={220}
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
        />
        {failure ? <ErrorNotice error={failure} /> : null}
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <Button variant="default" onClick={onClose}>
            {t("form.cancel")}
          </Button>
          <Button type="submit" loading={busy} disabled={!ready}>
            {t("form.create")}
          </Button>
        </div>
      </form>
    </Modal>
  );
}

/** What the caller holds, with the wildcards that stay within it. */
function useScopes(): string[] {
  const { may, permissions: grants } = useMe();
  const { data } = useRpc<typeof AuthService>()("erp.identity.v1.AuthService", "listPermissions", {});
  const held = (data?.permissions ?? []).map(({ name }) => name).filter((name) => may(name));
  const wide = new Set(
    held.flatMap((name) => [`${name.split(".")[0] ?? ""}.*`, `${name.split(".").slice(0, 2).join(".")}.*`]),
  );
  // A wildcard also stands for what is added later: only who holds it may give it.
  const own = [...wide].filter((one) => may(one));
  return [...(grants.includes("*") ? ["*"] : []), ...[...own, ...held].sort()];
}
