// What one can do about oneself: how the console looks and speaks, the password, and the ways out.
import { useMantineColorScheme } from "@mantine/core";
import { IconKey, IconKeyboard, IconLogout, IconUserCog } from "@tabler/icons-react";
import { useState } from "react";
import type { ReactElement } from "react";
import { signOut, useMe } from "../app/session";
import { LANGUAGES, useI18n } from "../i18n";
import type { Language } from "../i18n";
import { confirm } from "../ui/confirm";
import type { MenuEntry } from "../ui/LazyMenu";
import { fail } from "../ui/notify";
import OpenMenu from "../ui/OpenMenu";
import { PasswordDialog } from "./PasswordDialog";
import { ProfileDialog } from "./ProfileDialog";

interface Props {
  readonly target: ReactElement;
  onShortcuts: () => void;
}

export default function OpenUserMenu({ target, onShortcuts }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const { user, tenant, may } = useMe();
  const [dialog, setDialog] = useState<"profile" | "password" | undefined>();
  const close = () => setDialog(undefined);
  const leave = (everywhere: boolean) => void signOut(everywhere).catch((error: unknown) => fail(error, i18n));
  const leaveEverywhere = async () => {
    const title = t("user.logoutAll");
    const question = { title, text: t("user.logoutAllConfirm"), yes: title, no: t("form.cancel"), danger: true };
    if (await confirm(question)) leave(true);
  };
  const entries: MenuEntry[] = [
    // The contracts have no way to change oneself but the one that changes all users.
    ...(may("identity.users.write")
      ? [
          {
            key: "profile",
            line: true,
            text: t("account.profile"),
            icon: <IconUserCog size={15} aria-hidden />,
            run: () => setDialog("profile"),
          },
        ]
      : []),
    {
      key: "password",
      text: t("account.password"),
      icon: <IconKey size={15} aria-hidden />,
      run: () => setDialog("password"),
    },
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
      {/* A menu owns entries and plain text only. */}
      <b>{user.displayName}</b>
      <span className="soft">{user.email}</span>
      <span className="soft">{tenant.displayName}</span>
    </div>
  );
  return (
    <>
      <OpenMenu entries={entries} target={target} head={head} width={230} />
      {dialog === "profile" ? <ProfileDialog onClose={close} /> : null}
      {dialog === "password" ? <PasswordDialog onClose={close} /> : null}
    </>
  );
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
