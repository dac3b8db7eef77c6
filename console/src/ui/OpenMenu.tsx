import { Menu } from "@mantine/core";
import { Fragment, useState } from "react";
import type { ReactElement, ReactNode } from "react";
import { IconCheck } from "@tabler/icons-react";
import "../theme/overlays.css";
import type { MenuEntry } from "./LazyMenu";

interface Props {
  readonly entries: readonly MenuEntry[];
  readonly target: ReactElement;
  readonly head?: ReactNode;
  readonly width: number;
  readonly position?: "bottom-start" | "bottom-end";
}

/**
 * Comes opened, because it was fetched by a click. The first entry takes the focus: the library's placeholder for it is no
 * entry, which a menu must not own.
 */
export default function OpenMenu({ entries, target, head, width, position = "bottom-end" }: Props) {
  const [opened, setOpened] = useState(true);
  return (
    // What takes the first focus is an entry: the placeholder that could is no child that a menu may have.
    <Menu
      position={position}
      width={width}
      opened={opened}
      onChange={setOpened}
      withInitialFocusPlaceholder={false}
      checkIcon={<IconCheck size={14} />}
    >
      <Menu.Target>{target}</Menu.Target>
      <Menu.Dropdown>
        {head}
        {entries.map(({ key, text, icon, right, checked, radio, danger, lang, heading, line, run }) => {
          const Choice = radio ? Menu.RadioItem : Menu.CheckboxItem;
          return (
            <Fragment key={key}>
              {line ? <Menu.Divider /> : null}
              {heading === undefined ? null : <Menu.Label>{heading}</Menu.Label>}
              {checked === undefined ? (
                <Menu.Item
                  leftSection={icon}
                  rightSection={right}
                  onClick={run}
                  {...(danger ? { color: "var(--t-bad)" } : {})}
                >
                  {text}
                </Menu.Item>
              ) : (
                <Choice
                  value={key}
                  checked={checked}
                  rightSection={right ?? icon}
                  closeMenuOnClick
                  onClick={run}
                  {...(lang ? { lang } : {})}
                >
                  {text}
                </Choice>
              )}
            </Fragment>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
