// Where one is signed in, and a way to end it there.
import { Button } from "@mantine/core";
import { useState } from "react";
import type { Session, SessionService } from "@client/gen/erp/identity/v1/session_pb";
import { tellChanges } from "../../api/changes";
import { useRpc } from "../../api/hooks";
import { client } from "../../api/wire";
import { signOut } from "../../app/session";
import { msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { confirm } from "../../ui/confirm";
import { fail, tell } from "../../ui/notify";
import { Time } from "../../ui/Time";
import { Panel } from "../parts/Panel";

const SERVICE = "erp.identity.v1.SessionService";
const SESSION = "erp.identity.v1.Session";

export function Sessions() {
  const i18n = useI18n();
  const { t } = i18n;
  const { data, error, isPending } = useRpc<typeof SessionService>()(
    SERVICE,
    "listSessions",
    { pageSize: 1000 },
    { touches: [SESSION] },
  );
  const everywhere = async () => {
    const question = {
      title: t("user.logoutAll"),
      text: t("user.logoutAllConfirm"),
      yes: t("user.logoutAll"),
      no: t("form.cancel"),
      danger: true,
    };
    if (await confirm(question)) await signOut(true).catch((error: unknown) => fail(error, i18n));
  };
  const side = (
    <Button variant="default" onClick={() => void everywhere()}>
      {t("user.logoutAll")}
    </Button>
  );
  return (
    <Panel title={t("access.sessions")} side={side} error={error} loading={isPending} bones={4}>
      <div className="scroll-x" tabIndex={0} role="region" aria-label={t("access.sessions")}>
        <table className="lines">
          <thead>
            <tr>
              <th scope="col">{t("access.signedIn")}</th>
              <th scope="col">{t("access.lastUse")}</th>
              <th scope="col">{t("access.ends")}</th>
              <th scope="col">
                <span className="sr">{t("record.actions")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data?.sessions.map((session) => (
              <Row key={session.id} session={session} current={session.id === data.currentSessionId} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Row({ session, current }: { session: Session; current: boolean }) {
  const i18n = useI18n();
  const { t } = i18n;
  const [busy, setBusy] = useState(false);
  const end = async () => {
    if (current) {
      await signOut().catch((error: unknown) => fail(error, i18n));
      return;
    }
    setBusy(true);
    try {
      await client<typeof SessionService>(SERVICE).revokeSession({ id: session.id });
      tell(t("access.ended"));
    } catch (error) {
      fail(error, i18n);
    }
    setBusy(false);
    tellChanges(new Map([[SESSION, new Set([session.id])]]));
  };
  return (
    <tr>
      <td>
        {session.createTime ? <Time ms={msOf(session.createTime)} /> : null}{" "}
        {current ? (
          <span className="badge" data-tone="good">
            {t("access.here")}
          </span>
        ) : null}
      </td>
      <td className="soft">{session.lastUseTime ? <Time ms={msOf(session.lastUseTime)} /> : null}</td>
      <td className="soft">{session.expireTime ? <Time ms={msOf(session.expireTime)} /> : null}</td>
      <td className="tight">
        <Button variant="default" loading={busy} onClick={() => void end()}>
          {t(current ? "user.logout" : "access.end")}
        </Button>
      </td>
    </tr>
  );
}
