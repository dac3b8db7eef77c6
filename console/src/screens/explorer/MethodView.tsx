// One method: what the contracts say of it, a place to try it, and how programs call it.
import { Link } from "@tanstack/react-router";
import { getOption } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, JsonObject } from "@bufbuild/protobuf";
import { useState } from "react";
import { field_behavior, FieldBehavior } from "@client/gen/google/api/field_behavior_pb";
import { useMe } from "../../app/session";
import { useI18n } from "../../i18n";
import { commentOf } from "../../schema/comments";
import { permissionOf } from "../../schema/model";
import { Prose } from "../../ui/Prose";
import { Panel } from "../parts/Panel";
import { Code } from "./Code";
import { isPublic, limitOf, restOf, typeOf } from "./methods";
import { Try } from "./Try";

export function MethodView({ method }: { method: DescMethod }) {
  const { t } = useI18n();
  /** What is tried is what the code below calls with. */
  const [request, setRequest] = useState<JsonObject>({});
  const rest = restOf(method);
  return (
    <div className="stack">
      <div>
        <h2 className="method-name">{method.name}</h2>
        <p className="mono soft method-path">
          {rest ? (
            <>
              <span className="badge">{rest.verb}</span> {rest.path}
            </>
          ) : (
            `/${method.parent.typeName}/${method.name}`
          )}
        </p>
        <p lang="en">
          <Prose text={commentOf(method)} />
        </p>
        <Rules method={method} />
      </div>
      <Try method={method} onRequest={setRequest} />
      <Code method={method} request={request} />
      <Panel title={t("api.request")}>
        <FieldTable message={method.input} />
      </Panel>
      <Panel title={t("api.answer")}>
        <FieldTable message={method.output} />
      </Panel>
    </div>
  );
}

function Rules({ method }: { method: DescMethod }) {
  const { t } = useI18n();
  const { may } = useMe();
  const permission = permissionOf(method);
  const limit = limitOf(method);
  return (
    <p className="row wrap">
      {isPublic(method) ? (
        <span className="badge" data-tone="warn">
          {t("api.public")}
        </span>
      ) : permission ? (
        <span
          className="badge"
          data-tone={may(permission) ? "good" : "bad"}
          title={t(may(permission) ? "api.allowed" : "api.notAllowed")}
        >
          <code>{permission}</code>
        </span>
      ) : (
        <span className="badge">{t("api.signedIn")}</span>
      )}
      {limit ? <span className="badge">{t("api.limit", { count: limit.calls, seconds: limit.seconds })}</span> : null}
      {method.methodKind === "server_streaming" ? <span className="badge">{t("api.stream")}</span> : null}
      {may("identity.roles.read") && permission ? (
        <Link to="/access" search={{ view: "roles" }} className="link">
          {t("api.whoMay")}
        </Link>
      ) : null}
    </p>
  );
}

function FieldTable({ message }: { message: DescMessage }) {
  const { t } = useI18n();
  if (message.fields.length === 0) return <p className="soft pad">{t("api.noFields")}</p>;
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={message.name}>
      <table className="lines" lang="en">
        <tbody>
          {message.fields.map((field) => (
            <tr key={field.name}>
              <th scope="row" className="mono">
                {field.name}
                {getOption(field, field_behavior).includes(FieldBehavior.REQUIRED) ? (
                  <>
                    {" "}
                    <span className="badge" data-tone="info">
                      {t("api.required")}
                    </span>
                  </>
                ) : null}
              </th>
              <td className="mono soft">{typeOf(field)}</td>
              <td>
                <Prose text={commentOf(field)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
