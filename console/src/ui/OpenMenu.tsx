import { Menu } from "@mantine/core";
import { Fragment, useState } from "react";
import type { ReactElement, ReactNode } from "react";
import { IconCheck } from "@tabler/icons-react";
import "../theme/overlays.css";
import type { MenuEntry } from "./LazyMenu";

interface Props {
  readonly entries: readonly MenuEntry[];
  readonly target: ReactElement;
  readonly head: ReactNode;
  readonly width: number;
}

/** Comes opened, because it was fetched by a click. */
export default function OpenMenu({ entries, target, head, width }: Props) {
  const [opened, setOpened] = useState(true);
  return (
    <Menu position="bottom-end" width={width} opened={opened} onChange={setOpened}>
      <Menu.Target>{target}</Menu.Target>
      <Menu.Dropdown>
        {head}
        {entries.map(({ key, text, icon, right, checked, radio, danger, lang, heading, line, run }) => (
          <Fragment key={key}>
            {line ? <Menu.Divider /> : null}
            {heading === undefined ? null : <Menu.Label>{heading}</Menu.Label>}
            <Menu.Item
              leftSection={icon}
              rightSection={checked ? <IconCheck size={14} aria-hidden /> : right}
              onClick={run}
              {...(lang ? { lang } : {})}
              {...(danger ? { color: "var(--t-bad)" } : {})}
              {...(checked === undefined
                ? {}
                : { role: radio ? "menuitemradio" : "menuitemcheckbox", "aria-checked": checked })}
            >
              {text}
            </Menu.Item>
          </Fragment>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
