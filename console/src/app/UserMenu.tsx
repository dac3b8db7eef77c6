// Who is signed in, how it looks, and the ways out.
import { Menu, useMantineColorScheme } from "@mantine/core";
import { IconCheck, IconKeyboard, IconLogout } from "@tabler/icons-react";
import { useI18n, LANGUAGES } from "../i18n";
import type { Language } from "../i18n";
import { confirm } from "../ui/confirm";
import { fail } from "../ui/notify";
import { signOut, useMe } from "./session";

export function UserMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const i18n = useI18n();
  const { t, language, choose } = i18n;
  const { user, tenant } = useMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const leave = (everywhere: boolean) => void signOut(everywhere).catch((error: unknown) => fail(error, i18n));
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <button type="button" className="me" aria-label={`${t("user.menu")}: ${user.displayName}`}>
          <span aria-hidden>{initials(user.displayName)}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <div className="me-card">
          <strong>{user.displayName}</strong>
          <span className="soft">{user.email}</span>
          <span className="soft">{tenant.displayName}</span>
        </div>
        <Menu.Divider />
        <Menu.Label>{t("user.theme")}</Menu.Label>
        {(["auto", "light", "dark"] as const).map((scheme) => (
          <Menu.Item
            key={scheme}
            role="menuitemradio"
            aria-checked={colorScheme === scheme}
            rightSection={colorScheme === scheme ? <IconCheck size={14} aria-hidden /> : null}
            onClick={() => setColorScheme(scheme)}
          >
            {t(`user.${scheme}`)}
          </Menu.Item>
        ))}
        <Menu.Label>{t("user.language")}</Menu.Label>
        {(Object.keys(LANGUAGES) as Language[]).map((one) => (
          <Menu.Item
            key={one}
            lang={one}
            role="menuitemradio"
            aria-checked={language === one}
            rightSection={language === one ? <IconCheck size={14} aria-hidden /> : null}
            onClick={() => choose(one)}
          >
            {LANGUAGES[one]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={15} aria-hidden />} rightSection={<kbd>?</kbd>} onClick={onShortcuts}>
          {t("user.shortcuts")}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={15} aria-hidden />} onClick={() => leave(false)}>
          {t("user.logout")}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconLogout size={15} aria-hidden />}
          onClick={() =>
            void confirm({
              title: t("user.logoutAll"),
              text: t("user.logoutAllConfirm"),
              yes: t("user.logoutAll"),
              no: t("form.cancel"),
              danger: true,
            }).then((yes) => yes && leave(true))
          }
        >
          {t("user.logoutAll")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s@.]+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => word?.charAt(0) ?? "").join("").toUpperCase();
}
