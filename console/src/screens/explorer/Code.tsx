// The call as programs write it.
import "../../form/form.css";
import { Button, CopyButton } from "@mantine/core";
import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { useState } from "react";
import { useI18n } from "../../i18n";
import { Panel } from "../parts/Panel";
import { LANGUAGES, snippet } from "./snippets";
import type { Language } from "./snippets";

const KEPT = "tessera.snippets";

export function Code({ method, request }: { method: DescMethod; request: JsonObject }) {
  const { t } = useI18n();
  const [language, setLanguage] = useState<Language>(
    () => LANGUAGES.find(([name]) => name === localStorage.getItem(KEPT))?.[0] ?? "curl",
  );
  const text = snippet(language, method, request, location.origin);
  const choose = (next: Language) => {
    localStorage.setItem(KEPT, next);
    setLanguage(next);
  };
  return (
    <Panel
      title={t("api.code")}
      side={
        <>
          {LANGUAGES.map(([name, title]) => (
            <button
              key={name}
              type="button"
              className="plain code-choice"
              aria-pressed={name === language}
              onClick={() => choose(name)}
            >
              {title}
            </button>
          ))}
          <CopyButton value={text}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? t("record.copied") : t("parts.copy")}
              </Button>
            )}
          </CopyButton>
        </>
      }
    >
      <pre className="json" tabIndex={0} aria-label={t("api.code")} data-testid="code">
        {text}
      </pre>
      <p className="help pad">{t("api.keyHint")}</p>
    </Panel>
  );
}
