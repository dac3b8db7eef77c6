// The map of keys: what works on the page that is open.
import { Modal } from "@mantine/core";
import "../theme/overlays.css";
import { useState } from "react";
import { useI18n } from "../i18n";
import { currentBindings, shownKeys } from "./keys";
import type { Group } from "./keys";

const GROUPS: readonly Group[] = ["keys.everywhere", "keys.list", "keys.record", "keys.go"];

export default function KeyMap({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  const [bindings] = useState(currentBindings);
  const groups = GROUPS.map((group) => [group, bindings.filter((one) => one.group === group)] as const);
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("keys.title")}
      size="lg"
      closeButtonProps={{ "aria-label": t("keys.close") }}
    >
      <div className="keymap">
        {groups
          .filter(([, ofGroup]) => ofGroup.length > 0)
          .map(([group, ofGroup]) => (
            <section key={group}>
              <h3>{t(group)}</h3>
              <dl>
                {ofGroup.map(({ keys, does, name }) => (
                  <div key={keys}>
                    <dt>{name ?? t(does)}</dt>
                    <dd>
                      <kbd>{shownKeys(keys)}</kbd>
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
      </div>
    </Modal>
  );
}
