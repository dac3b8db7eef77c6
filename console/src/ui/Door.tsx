// The frame of the pages before one is signed in.
import type { ReactNode } from "react";
import { LANGUAGES, useI18n } from "../i18n";
import type { Language } from "../i18n";

export function Logo({ size = 22 }: { size?: number }) {
  return <img src="/favicon.svg" width={size} height={size} alt="" />;
}

export function Door({ title, children }: { title: string; children: ReactNode }) {
  const { language, choose } = useI18n();
  return (
    <main className="door">
      <div>
        <div className="row">
          <Logo size={28} />
          <strong style={{ fontSize: "1rem" }}>Tessera</strong>
        </div>
        <h1>{title}</h1>
        {children}
        <p className="row soft" style={{ marginTop: 28, fontSize: "0.8125rem" }}>
          {(Object.keys(LANGUAGES) as Language[]).map((one) => (
            <button
              key={one}
              type="button"
              className="plain link"
              lang={one}
              aria-pressed={one === language}
              onClick={() => choose(one)}
            >
              {LANGUAGES[one]}
            </button>
          ))}
        </p>
      </div>
    </main>
  );
}
