// What is behind a button, fetched when it is first clicked. The button itself is there from the beginning.
import { Suspense, useState } from "react";
import type { ReactElement } from "react";

interface Props {
  readonly target: ReactElement;
  /** What takes the button's place; it comes opened, because it was fetched by a click. */
  readonly children: ReactElement;
}

export function OnDemand({ target, children }: Props) {
  const [wanted, setWanted] = useState(false);
  const placeholder = (
    // The target itself is what is clicked; this only hears of it.
    <span role="presentation" onClick={() => setWanted(true)}>
      {target}
    </span>
  );
  return wanted ? <Suspense fallback={placeholder}>{children}</Suspense> : placeholder;
}
