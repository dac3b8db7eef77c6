// Calling a method with the session's own token: the request as a form or as JSON, the answer with how long it took.
import "../../form/form.css";
import { Button, SegmentedControl, Textarea } from "@mantine/core";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/SegmentedControl.css";
import { create, fromJson, toJson } from "@bufbuild/protobuf";
import type { DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useKeys } from "../../app/keys";
import { useModel } from "../../app/session";
import { draftOf, emptyMessage, messageOf, withPlace } from "../../form/draft";
import type { Draft, DraftMessage } from "../../form/draft";
import { FormProvider } from "../../form/context";
import { FormFields } from "../../form/FormFields";
import { useTyping } from "../../form/FormFrame";
import { useI18n } from "../../i18n";
import { isDestructive } from "../../resource/danger";
import { isRead } from "../../schema/model";
import { confirm } from "../../ui/confirm";
import { ErrorNotice, RequestId } from "../../ui/ErrorNotice";
import { Panel } from "../parts/Panel";
import { call } from "./call";
import type { Outcome } from "./call";

type Mode = "form" | "json";

export function Try({ method, onRequest }: { method: DescMethod; onRequest: (request: JsonObject) => void }) {
  const { t } = useI18n();
  const { registry } = useModel();
  const request = useRequest(method);
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  const running = useRef<AbortController | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  useEffect(() => () => running.current?.abort(), []);
  const { json } = request;
  useEffect(() => {
    if (json) onRequest(json);
  }, [json, onRequest]);
  const send = async () => {
    if (!json || busy) return;
    const question = {
      title: method.name,
      text: t("api.really"),
      yes: t("api.send"),
      no: t("form.cancel"),
      danger: true,
    };
    if (isDestructive(method) && !(await confirm(question))) return;
    running.current = new AbortController();
    setBusy(true);
    setOutcome(undefined);
    await call(method, fromJson(method.input, json, { registry }), registry, running.current.signal, setOutcome);
    setBusy(false);
  };
  useKeys([{ keys: "mod+Enter", does: "api.send", group: "keys.record", inInputs: true, run: () => void send() }]);
  const modes = [
    { value: "form", label: t("api.form") },
    { value: "json", label: "JSON" },
  ];
  const side = (
    <SegmentedControl
      size="xs"
      aria-label={t("api.requestAs")}
      data={modes}
      value={request.mode}
      onChange={(mode) => request.choose(mode as Mode)}
    />
  );
  return (
    <Panel title={t("api.try")} side={side} className="try">
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        {request.mode === "json" ? (
          <JsonInput text={request.text} problem={request.problem} onChange={request.type} />
        ) : (
          <FormInput method={method} request={request} />
        )}
        <div className="row wrap" style={{ marginTop: 12 }}>
          {busy ? (
            <Button
              variant="default"
              leftSection={<IconPlayerStop size={14} aria-hidden />}
              onClick={() => running.current?.abort()}
            >
              {t("api.stop")}
            </Button>
          ) : (
            <Button type="submit" disabled={!json} leftSection={<IconPlayerPlay size={14} aria-hidden />}>
              {t("api.send")}
            </Button>
          )}
          {isRead(method) ? null : <span className="help">{t("api.changes")}</span>}
        </div>
      </form>
      {outcome ? <Answer outcome={outcome} /> : null}
    </Panel>
  );
}

function JsonInput({ text, problem, onChange }: { text: string; problem: string; onChange: (text: string) => void }) {
  const { t } = useI18n();
  return (
    <Textarea
      label={t("api.request")}
      classNames={{ input: "mono" }}
      minRows={3}
      maxRows={20}
      spellCheck={false}
      value={text}
      error={problem || undefined}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

function FormInput({ method, request }: { method: DescMethod; request: ReturnType<typeof useRequest> }) {
  const { t } = useI18n();
  const { registry } = useModel();
  const typing = useTyping();
  const { set, problems } = request;
  const context = useMemo(
    () => ({ registry, typing, editing: false, set, errorAt: (path: string) => problems.get(path) }),
    [registry, typing, set, problems],
  );
  if (method.input.fields.length === 0) return <p className="soft">{t("api.noFields")}</p>;
  return (
    <FormProvider value={context}>
      <FormFields message={method.input} draft={request.draft} at={{ path: [], name: "" }} />
    </FormProvider>
  );
}

/** The request as a form and as JSON; what is typed in one is there in the other. */
function useRequest(method: DescMethod) {
  const { t } = useI18n();
  const { registry } = useModel();
  const typing = useTyping();
  const [mode, setMode] = useState<Mode>("form");
  const [draft, setDraft] = useState<DraftMessage>(() => emptyMessage(method.input, typing));
  const [text, setText] = useState("{}");
  const set = useCallback(
    (path: readonly (string | number)[], value: Draft) =>
      setDraft((before) => withPlace(before, path, value) as DraftMessage),
    [],
  );
  const form = useMemo(() => {
    const [message, found] = messageOf(method.input, draft, typing);
    return { json: toJson(method.input, create(method.input, message as never), { registry }) as JsonObject, found };
  }, [method, draft, typing, registry]);
  const typed = useMemo((): { json?: JsonObject; problem: string } => {
    try {
      const value = JSON.parse(text) as JsonValue;
      fromJson(method.input, value, { registry });
      return { json: value as JsonObject, problem: "" };
    } catch (error) {
      return {
        problem:
          error instanceof SyntaxError ? t("form.badJson") : error instanceof Error ? error.message : String(error),
      };
    }
  }, [method, text, registry, t]);
  const choose = (next: Mode) => {
    if (next === "json") setText(JSON.stringify(form.json, null, 2));
    else if (typed.json) setDraft(draftOf(method.input, fromJson(method.input, typed.json, { registry }), typing));
    setMode(next);
  };
  // What is required is left to the server: here one may also try what it refuses.
  const wrong = form.found.filter(({ kind }) => kind !== "required");
  const problems = new Map(wrong.map(({ path }) => [path, t("api.badValue")]));
  const json = mode === "json" ? typed.json : wrong.length === 0 ? form.json : undefined;
  return { mode, choose, draft, set, problems, text, type: setText, problem: typed.problem, json };
}

function Answer({ outcome }: { outcome: Outcome }) {
  const { t, locale } = useI18n();
  const { status, ms, requestId, error, messages, running } = outcome;
  return (
    <section className="answer" aria-label={t("api.answer")}>
      <p className="row wrap" role="status">
        <span className="badge" data-tone={error ? "bad" : "good"} data-testid="status">
          {status}
        </span>
        <span className="num">{new Intl.NumberFormat(locale, { style: "unit", unit: "millisecond" }).format(ms)}</span>
        {running ? <span className="soft">{t("api.listening")}</span> : null}
      </p>
      {error ? <ErrorNotice error={error} /> : requestId ? <RequestId key={requestId} id={requestId} /> : null}
      {messages.map((message, place) => (
        <pre key={place} className="json" tabIndex={0} aria-label={t("api.answer")}>
          {message}
        </pre>
      ))}
    </section>
  );
}
