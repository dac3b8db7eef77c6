// Choosing the columns of a list, and their order by the order of choosing.
import { Button, Checkbox, Modal } from "@mantine/core";
import "../theme/inputs.css";
import "../theme/overlays.css";
import "./filter.css";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import type { Entity } from "../schema/model";
import { listable } from "./columns";

interface Props {
  readonly entity: Entity;
  readonly shown: readonly string[];
  onChange: (names: readonly string[] | undefined) => void;
  onClose: () => void;
}

export default function ColumnsMenu({ entity, shown, onChange, onClose }: Props) {
  const { t, label } = useI18n();
  const { may } = useMe();
  const toggle = (name: string) => {
    const next = shown.includes(name) ? shown.filter((one) => one !== name) : [...shown, name];
    if (next.length > 0) onChange(next);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("list.columns")}
      size="md"
      closeButtonProps={{ "aria-label": t("keys.close") }}
    >
      <div className="choices">
        {listable(entity)
          .filter(({ readPermission }) => !readPermission || may(readPermission))
          .map((field) => (
            <Checkbox
              key={field.name}
              size="xs"
              label={label(field.desc)}
              checked={shown.includes(field.name)}
              onChange={() => toggle(field.name)}
            />
          ))}
      </div>
      <Button variant="default" mt={16} onClick={() => onChange(undefined)}>
        {t("list.resetColumns")}
      </Button>
    </Modal>
  );
}
