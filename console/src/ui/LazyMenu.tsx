// A menu whose parts are fetched when it is first opened.
import { ActionIcon, Button } from "@mantine/core";
import { lazy } from "react";
import type { ReactElement, ReactNode } from "react";
import { OnDemand } from "./OnDemand";

const OpenMenu = lazy(() => import("./OpenMenu"));

export interface MenuEntry {
  readonly key: string;
  readonly text: ReactNode;
  readonly icon?: ReactNode;
  readonly right?: ReactNode;
  /** For entries that are on or off. */
  readonly checked?: boolean;
  readonly radio?: boolean;
  readonly danger?: boolean;
  readonly lang?: string;
  /** A heading above this entry, or a line. */
  readonly heading?: string;
  readonly line?: boolean;
  run: () => void;
}

interface Props {
  readonly entries: readonly MenuEntry[];
  readonly target: ReactElement<{ onClick?: () => void }>;
  readonly head?: ReactNode;
  readonly width?: number;
}

export function LazyMenu({ entries, target, head, width = 210 }: Props) {
  return (
    <OnDemand target={target}>
      <OpenMenu entries={entries} target={target} head={head} width={width} />
    </OnDemand>
  );
}

export function MoreTarget({ label, children, ...rest }: { label: string; children: ReactNode }) {
  return (
    <ActionIcon size={30} variant="default" aria-label={label} aria-haspopup="menu" {...rest}>
      {children}
    </ActionIcon>
  );
}

export function ButtonTarget({ children, ...rest }: { children: ReactNode }) {
  return (
    <Button variant="default" aria-haspopup="menu" {...rest}>
      {children}
    </Button>
  );
}
