// The parts of a screen, chosen by the address.
import { Link, useLocation } from "@tanstack/react-router";

interface Tab {
  readonly name: string;
  readonly title: string;
  readonly count?: number | undefined;
}

/** Links rather than buttons: a part has an address, opens in a new tab of the browser, and needs no script of its own. */
export function Tabs({ tabs, current, label }: { tabs: readonly Tab[]; current: string; label: string }) {
  const { pathname } = useLocation();
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ name, title, count }, place) => (
        <Link
          key={name}
          to={pathname}
          search={(place === 0 ? {} : { view: name }) as never}
          activeOptions={{ exact: true, includeSearch: true }}
          aria-current={name === current ? "page" : undefined}
          data-chosen={name === current}
        >
          {title}
          {count ? <span className="count">{count}</span> : null}
        </Link>
      ))}
    </nav>
  );
}
