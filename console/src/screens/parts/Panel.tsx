// The frame of a part of a screen: a title, and what there is, or why there is nothing.
import type { ReactNode } from "react";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Prose } from "../../ui/Prose";
// Pages come with what they show, also when they are the first that is opened.
import "../../theme/inputs.css";
import "../../resource/record.css";
import "./parts.css";

interface Props {
  readonly title: string;
  /** On the right of the title, such as a choice or a link to all. */
  readonly side?: ReactNode;
  readonly error?: unknown;
  /** True as long as the answer is on its way for the first time. */
  readonly loading?: boolean;
  /** How many lines stand in for the answer meanwhile. */
  readonly bones?: number;
  readonly className?: string;
  readonly children: ReactNode;
}

export function Panel({ title, side, error, loading = false, bones = 4, className = "", children }: Props) {
  return (
    <section className={`card panel ${className}`} aria-label={title} aria-busy={loading}>
      <h2 className="panel-head">
        <span>{title}</span>
        {side ? <span className="panel-side">{side}</span> : null}
      </h2>
      {error ? <ErrorNotice error={error} /> : loading ? <Bones count={bones} /> : children}
    </section>
  );
}

export function Bones({ count }: { count: number }) {
  return (
    <div className="bones" aria-hidden>
      {Array.from({ length: count }, (_, place) => (
        <span key={place} className="bone" style={{ width: `${90 - ((place * 23) % 50)}%` }} />
      ))}
    </div>
  );
}

/** Why a part has nothing to show, and what to do about it. */
export function Nothing({ title, hint, children }: { title: string; hint?: string; children?: ReactNode }) {
  return (
    <div className="nothing">
      <strong>{title}</strong>
      {hint ? (
        <p>
          <Prose text={hint} />
        </p>
      ) : null}
      {children}
    </div>
  );
}
