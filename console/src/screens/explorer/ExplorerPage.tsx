// Every method of every service: what it does, who may call it, trying it, and calling it from a program.
import { TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { IconArrowLeft, IconLock, IconWorld } from "@tabler/icons-react";
import { useMemo, useRef } from "react";
import type { DescMethod } from "@bufbuild/protobuf";
import { useKeys } from "../../app/keys";
import { useMe, useModel } from "../../app/session";
import { grouped } from "../../format/grouped";
import { useI18n } from "../../i18n";
import { permissionOf } from "../../schema/model";
import { Nothing } from "../parts/Panel";
import { useSearchState } from "../parts/useSearchState";
import { MethodView } from "./MethodView";
import { isPublic, methodsOf } from "./methods";
import "./explorer.css";

export default function ExplorerPage() {
  const { t } = useI18n();
  const { registry } = useModel();
  const [search, set] = useSearchState();
  const all = useMemo(() => methodsOf(registry), [registry]);
  const chosen = all.find((method) => nameOf(method) === search["method"]);
  const words = (search["find"] ?? "").trim().toLowerCase();
  const found =
    words === ""
      ? all
      : all.filter((method) => `${nameOf(method)} ${permissionOf(method)}`.toLowerCase().includes(words));
  const box = useRef<HTMLInputElement>(null);
  useKeys([{ keys: "/", does: "keys.search", group: "keys.list", run: () => box.current?.focus() }]);
  return (
    <div className="page explorer" data-chosen={chosen !== undefined}>
      <div className="explorer-list">
        <div className="page-head">
          <h1>{t("api.title")}</h1>
        </div>
        <TextInput
          ref={box}
          my={10}
          aria-label={t("api.find")}
          placeholder={t("api.find")}
          value={search["find"] ?? ""}
          onChange={(event) => set({ find: event.currentTarget.value })}
        />
        {found.length === 0 ? <Nothing title={t("palette.nothing")} /> : <Tree methods={found} chosen={chosen} />}
      </div>
      <div className="explorer-method">
        {chosen ? (
          <>
            <p className="crumb only-phone">
              <button type="button" className="plain link" onClick={() => set({ method: "" })}>
                <IconArrowLeft size={13} aria-hidden /> {t("api.title")}
              </button>
            </p>
            <MethodView key={nameOf(chosen)} method={chosen} />
          </>
        ) : (
          <Nothing title={t("api.choose")} hint={t("api.chooseHint")} />
        )}
      </div>
    </div>
  );
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function Tree({ methods, chosen }: { methods: readonly DescMethod[]; chosen: DescMethod | undefined }) {
  const { t } = useI18n();
  const services = [...grouped(methods, (method) => method.parent.typeName)];
  return (
    <nav aria-label={t("api.methods")}>
      {services.map(([service, ofService]) => (
        <section key={service}>
          <h2 className="small-head mono">{service.replace(/^erp\./, "").replace(/\.v\d+\./, ".")}</h2>
          <ul>
            {ofService.map((method) => (
              <li key={method.name}>
                <Item method={method} current={method === chosen} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

function Item({ method, current }: { method: DescMethod; current: boolean }) {
  const { t } = useI18n();
  const { may } = useMe();
  const [search] = useSearchState();
  const allowed = may(permissionOf(method));
  return (
    <Link
      to="/explorer"
      search={{ ...search, method: nameOf(method) }}
      aria-current={current ? "true" : undefined}
      data-allowed={allowed}
    >
      {method.name}
      {isPublic(method) ? <IconWorld size={13} aria-label={t("api.public")} /> : null}
      {allowed ? null : <IconLock size={13} aria-label={t("api.notAllowed")} />}
    </Link>
  );
}
