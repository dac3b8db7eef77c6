// Choosing a record of another entity by typing a part of its name.
import { Combobox, InputBase, useCombobox } from "@mantine/core";
import "../theme/inputs.css";
import { useDebouncedValue } from "@mantine/hooks";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { ReactNode } from "react";
import type { AnyMessage } from "../api/wire";
import { useMe } from "../app/session";
import { useI18n } from "../i18n";
import { mayCall } from "../schema/permissions";
import type { Entity } from "../schema/model";
import { listCandidates } from "./candidates";
import { idOf, searchRecords } from "./records";
import { useReference } from "./references";
import { shortId, titleOf } from "./text";

const SHOWN = 20;

interface Props {
  readonly typeName: string;
  readonly value: string;
  readonly label: string;
  readonly description?: ReactNode;
  readonly error?: ReactNode;
  readonly required?: boolean;
  readonly disabled?: boolean;
  readonly size?: "xs" | "sm";
  readonly hiddenLabel?: boolean;
  readonly inputId?: string;
  readonly "data-field"?: string;
  onChange: (id: string) => void;
  onBlur?: () => void;
}

export function ReferencePicker(props: Props) {
  const {
    typeName,
    value,
    label,
    description,
    error,
    required = false,
    disabled = false,
    size = "sm",
    hiddenLabel = false,
  } = props;
  const { t, locale } = useI18n();
  const box = useCombobox({ onDropdownClose: () => box.resetSelectedOption() });
  const [typed, setTyped] = useState<string | undefined>();
  const { entity, record } = useReference(typeName, value);
  const chosen = value === "" ? "" : entity && record ? titleOf(entity, record, locale) : shortId(value);
  const [sought] = useDebouncedValue(typed ?? "", 180);
  const { data: options = [], isFetching } = useCandidates(entity, sought, box.dropdownOpened);
  const id = useId();
  const close = () => {
    setTyped(undefined);
    box.closeDropdown();
  };
  return (
    <Combobox
      store={box}
      onOptionSubmit={(next) => {
        props.onChange(next);
        close();
      }}
    >
      <Combobox.Target>
        <InputBase
          id={props.inputId ?? id}
          size={size}
          data-field={props["data-field"]}
          {...(hiddenLabel ? { "aria-label": label } : { label })}
          description={description}
          error={error}
          required={required}
          disabled={disabled}
          placeholder={t("form.search")}
          autoComplete="off"
          value={typed ?? chosen}
          rightSectionPointerEvents="all"
          rightSection={
            value !== "" && !disabled ? (
              <button
                type="button"
                className="plain"
                aria-label={`${t("form.remove")}: ${label}`}
                onClick={() => props.onChange("")}
              >
                <IconX size={14} />
              </button>
            ) : (
              <Combobox.Chevron />
            )
          }
          // Not for a form that puts the focus here as it opens.
          onFocus={(event) => event.relatedTarget && box.openDropdown()}
          onClick={() => box.openDropdown()}
          onBlur={() => {
            close();
            props.onBlur?.();
          }}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            box.openDropdown();
            box.updateSelectedOptionIndex();
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Options mah={260} style={{ overflowY: "auto" }} aria-label={label}>
          {options.map((option) => (
            <Combobox.Option key={idOf(option)} value={idOf(option)}>
              {entity ? titleOf(entity, option, locale) : shortId(idOf(option))}
            </Combobox.Option>
          ))}
          {options.length === 0 ? (
            <Combobox.Empty>{t(isFetching ? "palette.searching" : "palette.nothing")}</Combobox.Empty>
          ) : null}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

/** What matches the words; the newest without words. */
function useCandidates(entity: Entity | undefined, words: string, open: boolean) {
  const { may } = useMe();
  const locale = useI18n().locale;
  const searches = entity !== undefined && mayCall(may, entity.methods.search) && words.trim() !== "";
  const lists = entity !== undefined && mayCall(may, entity.methods.list);
  return useQuery<readonly AnyMessage[]>({
    queryKey: ["list", entity?.typeName ?? "", "candidates", searches ? words : "", searches ? "" : words],
    enabled: open && (searches || lists),
    placeholderData: (before) => before,
    queryFn: async ({ signal }): Promise<readonly AnyMessage[]> => {
      if (!entity) return [];
      if (searches) return searchRecords(entity, words.trim(), SHOWN, signal);
      return listCandidates(entity, words.trim(), SHOWN, locale, signal);
    },
  });
}
