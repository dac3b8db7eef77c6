// What a screen shows stands in its address, so that it can be sent to somebody and the way back works.
import { useLocation, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";

type State = Readonly<Record<string, string>>;

/** The texts of the address, and a way to change some of them; an empty one is taken out. */
export function useSearchState(): [State, (change: State, replace?: boolean) => void] {
  const { pathname, search }: { pathname: string; search: object } = useLocation();
  const navigate = useNavigate();
  const set = useCallback(
    (change: State, replace = true) => {
      const entries = Object.entries({ ...(search as State), ...change }).filter(([, value]) => value !== "");
      void navigate({ to: pathname, search: Object.fromEntries(entries), replace });
    },
    [navigate, pathname, search],
  );
  return [search as State, set];
}
