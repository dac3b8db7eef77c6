// Who is signed in, how it looks, and the ways out.
import { useMantineColorScheme } from "@mantine/core";
import { IconKeyboard, IconLogout } from "@tabler/icons-react";
import { useI18n, LANGUAGES } from "../i18n";
import type { Language } from "../i18n";
import { confirm } from "../ui/confirm";
import { LazyMenu } from "../ui/LazyMenu";
import type { MenuEntry } from "../ui/LazyMenu";
import { fail } from "../ui/notify";
import { signOut, useMe } from "./session";

export function UserMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const i18n = useI18n();
  const { t } = i18n;
  const { user, tenant } = useMe();
  const leave = (everywhere: boolean) => void signOut(everywhere).catch((error: unknown) => fail(error, i18n));
  const leaveEverywhere = async () => {
    const title = t("user.logoutAll");
    const question = { title, text: t("user.logoutAllConfirm"), yes: title, no: t("form.cancel"), danger: true };
    if (await confirm(question)) leave(true);
  };
  const entries: MenuEntry[] = [
    ...useChoices(),
    {
      key: "keys",
      line: true,
      text: t("user.shortcuts"),
      icon: <IconKeyboard size={15} aria-hidden />,
      right: <kbd>?</kbd>,
      run: onShortcuts,
    },
    { key: "out", text: t("user.logout"), icon: <IconLogout size={15} aria-hidden />, run: () => leave(false) },
    {
      key: "all",
      text: t("user.logoutAll"),
      icon: <IconLogout size={15} aria-hidden />,
      run: () => void leaveEverywhere(),
    },
  ];
  const head = (
    <div className="me-card">
      <strong>{user.displayName}</strong>
      <span className="soft">{user.email}</span>
      <span className="soft">{tenant.displayName}</span>
    </div>
  );
  const target = (
    <button type="button" className="me" aria-haspopup="menu">
      <span aria-hidden>{initials(user.displayName)}</span>
      <span className="sr">
        {t("user.menu")}: {user.displayName}
      </span>
    </button>
  );
  return <LazyMenu entries={entries} target={target} head={head} width={230} />;
}

function useChoices(): MenuEntry[] {
  const { t, language, choose } = useI18n();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return [
    ...(["auto", "light", "dark"] as const).map((scheme, place) => ({
      key: scheme,
      text: t(`user.${scheme}`),
      radio: true,
      checked: colorScheme === scheme,
      ...(place === 0 ? { heading: t("user.theme"), line: true } : {}),
      run: () => setColorScheme(scheme),
    })),
    ...(Object.keys(LANGUAGES) as Language[]).map((one, place) => ({
      key: one,
      text: LANGUAGES[one],
      lang: one,
      radio: true,
      checked: language === one,
      ...(place === 0 ? { heading: t("user.language") } : {}),
      run: () => choose(one),
    })),
  ];
}

function initials(name: string): string {
  const words = name.split(/[\s@.]+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => word?.charAt(0) ?? "")
    .join("")
    .toUpperCase();
}
