// A figure that opens the list of what it counts.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

interface Props {
  /** The list, such as `/finance/invoices`. */
  readonly to: string;
  /** AIP-160, as the list's own filter. */
  readonly filter?: string;
  readonly order?: string;
  /** What the figure is of, for those who do not see where it stands. */
  readonly label?: string;
  readonly className?: string;
  readonly children: ReactNode;
}

export function ListLink({ to, filter, order, label, className = "link", children }: Props) {
  const search = { ...(filter ? { filter } : {}), ...(order ? { order } : {}) };
  return (
    <Link to={to} search={search} className={className}>
      {label ? <span className="sr">{label} </span> : null}
      {children}
    </Link>
  );
}

/** `a AND b` of what is said; parts that say nothing are left out. */
export function allOf(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter(Boolean).join(" AND ");
}
