// Who is signed in; what can be done about it comes with the first click.
import { lazy } from "react";
import { useI18n } from "../i18n";
import { withTexts } from "../screens/registry";
import { OnDemand } from "../ui/OnDemand";
import { useMe } from "./session";

const OpenUserMenu = lazy(withTexts(() => import("../account/OpenUserMenu")));

export function UserMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const { t } = useI18n();
  const { user } = useMe();
  const target = (
    <button type="button" className="me" aria-haspopup="menu">
      <span aria-hidden>{initials(user.displayName)}</span>
      <span className="sr">
        {t("user.menu")}: {user.displayName}
      </span>
    </button>
  );
  return (
    <OnDemand target={target}>
      <OpenUserMenu target={target} onShortcuts={onShortcuts} />
    </OnDemand>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s@.]+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => word?.charAt(0) ?? "")
    .join("")
    .toUpperCase();
}
