// Keys with which programs call in the name of whoever made them.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import type { ApiKey, ApiKeyService } from "@client/gen/erp/identity/v1/api_key_pb";
import { tellChanges } from "../../api/changes";
import { useRpc } from "../../api/hooks";
import { client } from "../../api/wire";
import { useMe } from "../../app/session";
import { msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { ReferenceLink } from "../../resource/Value";
import { confirm } from "../../ui/confirm";
import { fail, tell } from "../../ui/notify";
import { Time } from "../../ui/Time";
import { Nothing, Panel } from "../parts/Panel";
import { NewKey } from "./NewKey";
import { RotateKey } from "./RotateKey";
import { SecretDialog } from "./SecretDialog";

const KEYS = "erp.identity.v1.ApiKeyService";
export const KEY = "erp.identity.v1.ApiKey";

export function ApiKeys() {
  const { t } = useI18n();
  const { may } = useMe();
  const { data, error, isPending } = useRpc<typeof ApiKeyService>()(
    KEYS,
    "listApiKeys",
    { pageSize: 1000, orderBy: "create_time desc" },
    { touches: [KEY] },
  );
  const [adding, setAdding] = useState(false);
  const [rotating, setRotating] = useState<ApiKey | undefined>();
  /** The text of a key, which is nowhere to be had again. */
  const [secret, setSecret] = useState("");
  const keys = data?.apiKeys ?? [];
  const add = may("identity.api-keys.write") ? (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding(true)}>
      {t("access.newKey")}
    </Button>
  ) : null;
  const changed = () => tellChanges(new Map([[KEY, new Set()]]));
  const given = (text: string) => {
    setAdding(false);
    setRotating(undefined);
    setSecret(text);
    changed();
  };
  return (
    <Panel title={t("access.keys")} side={keys.length > 0 ? add : null} error={error} loading={isPending} bones={5}>
      {keys.length === 0 ? (
        <Nothing title={t("access.noKeys")} hint={t("access.noKeysHint")}>
          {add}
        </Nothing>
      ) : (
        <Table keys={keys} onRotate={setRotating} onGone={changed} />
      )}
      {adding ? <NewKey onGiven={given} onClose={() => setAdding(false)} /> : null}
      {rotating ? <RotateKey apiKey={rotating} onGiven={given} onClose={() => setRotating(undefined)} /> : null}
      {secret ? <SecretDialog secret={secret} onClose={() => setSecret("")} /> : null}
    </Panel>
  );
}

interface TableProps {
  readonly keys: readonly ApiKey[];
  onRotate: (key: ApiKey) => void;
  onGone: () => void;
}

function Table({ keys, onRotate, onGone }: TableProps) {
  const { t } = useI18n();
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={t("access.keys")}>
      <table className="lines">
        <thead>
          <tr>
            <th scope="col">{t("access.keyName")}</th>
            <th scope="col">{t("access.prefix")}</th>
            <th scope="col">{t("access.owner")}</th>
            <th scope="col">{t("access.scopes")}</th>
            <th scope="col">{t("access.lastUse")}</th>
            <th scope="col">{t("access.expires")}</th>
            <th scope="col">
              <span className="sr">{t("record.actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <Row key={key.id} apiKey={key} onRotate={() => onRotate(key)} onGone={onGone} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ apiKey, onRotate, onGone }: { apiKey: ApiKey; onRotate: () => void; onGone: () => void }) {
  const i18n = useI18n();
  const { t } = i18n;
  const { may, user } = useMe();
  const remove = async () => {
    const title = t("access.endKey", { name: apiKey.displayName });
    if (
      !(await confirm({
        title,
        text: t("access.endKeyHint"),
        yes: t("access.end"),
        no: t("form.cancel"),
        danger: true,
      }))
    )
      return;
    try {
      await client<typeof ApiKeyService>(KEYS).deleteApiKey({ id: apiKey.id, etag: apiKey.etag });
      tell(t("access.keyEnded"));
    } catch (error) {
      fail(error, i18n);
    }
    onGone();
  };
  return (
    <tr>
      <th scope="row">
        <Link to={`/identity/api-keys/${apiKey.id}`} className="link">
          {apiKey.displayName}
        </Link>
      </th>
      <td className="mono">{apiKey.prefix}…</td>
      <td>
        <ReferenceLink typeName="erp.identity.v1.User" id={apiKey.userId} plain />
      </td>
      <td className="mono soft">{apiKey.scopes.join(", ")}</td>
      <td className="soft">{apiKey.lastUseTime ? <Time ms={msOf(apiKey.lastUseTime)} /> : t("access.never")}</td>
      <td className="soft">{apiKey.expireTime ? <Time ms={msOf(apiKey.expireTime)} /> : t("access.neverExpires")}</td>
      <td className="tight">
        <span className="row">
          {apiKey.userId === user.id && may("identity.api-keys.write") ? (
            <Button variant="default" onClick={onRotate}>
              {t("access.rotate")}
            </Button>
          ) : null}
          {may("identity.api-keys.delete") ? (
            <Button variant="default" onClick={() => void remove()}>
              {t("access.end")}
            </Button>
          ) : null}
        </span>
      </td>
    </tr>
  );
}
