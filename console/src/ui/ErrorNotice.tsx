// A failed call, in the reader's language, with what support needs to find it.
import { TesseraError } from "@client/error";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState } from "react";
import { useI18n } from "../i18n";
import type { I18n } from "../i18n";

/** What went wrong, in one sentence. */
export function errorText(thrown: unknown, i18n: I18n): string {
  const known = thrown instanceof TesseraError ? i18n.reason(thrown.domain, thrown.reason) : undefined;
  const said = known ?? (thrown instanceof Error ? thrown.message : typeof thrown === "string" ? thrown : "");
  // What fails without a word is told by its status, else as something that nobody foresaw.
  if (said.trim()) return known ?? sentence(said);
  return i18n.t("error.wordless", { code: thrown instanceof TesseraError ? thrown.code : "UNKNOWN" });
}

function sentence(text: string): string {
  const trimmed = text.trim();
  const whole = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

export function ErrorNotice({ error, fields = true }: { error: unknown; fields?: boolean }) {
  const i18n = useI18n();
  const { t } = i18n;
  const known = error instanceof TesseraError ? error : undefined;
  const permission = known?.metadata["permission"];
  const seconds = Math.ceil((known?.retryAfterMs ?? 0) / 1000);
  return (
    <div className="notice" role="alert">
      <IconAlertTriangle size={17} aria-hidden />
      <div style={{ minWidth: 0 }}>
        <p>
          <strong>{t("error.title")}</strong> {errorText(error, i18n)}{" "}
          {permission ? t("error.permission", { permission }) : null}
          {known?.code === "RESOURCE_EXHAUSTED" && seconds > 0 ? t("error.retryAfter", { count: seconds }) : null}
        </p>
        {fields && known && known.violations.length > 0 ? (
          <ul style={{ margin: "4px 0", paddingInlineStart: 18 }}>
            {known.violations.map(({ field, rule, description }) => (
              <li key={field + description}>
                <code>{field}</code> {i18n.rule(rule, description)}
              </li>
            ))}
          </ul>
        ) : null}
        {known?.requestId ? <RequestId id={known.requestId} /> : null}
      </div>
    </div>
  );
}

/** The id by which the server's logs know a call; a click copies it, and says so. */
export function RequestId({ id }: { id: string }) {
  const { t } = useI18n();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(id);
    setCopied(true);
  };
  return (
    <p className="request-id">
      <span>{t("error.requestId")}</span>
      <button
        type="button"
        className="plain mono"
        title={t("error.copy")}
        aria-label={`${t("error.copy")}: ${id}`}
        onClick={() => void copy()}
      >
        {id}
      </button>
      <span role="status">{copied ? t("record.copied") : null}</span>
    </p>
  );
}
