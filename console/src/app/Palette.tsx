// Finds records, pages and actions by what is typed.
import { Spotlight } from "@mantine/spotlight";
import "@mantine/spotlight/styles.css";
import "../theme/overlays.css";
import { useDebouncedValue } from "@mantine/hooks";
import { useQueries } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMantineColorScheme } from "@mantine/core";
import { IconKeyboard, IconLogout, IconMoon, IconPlus, IconSearch, IconSun } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { createSpotlight } from "@mantine/spotlight";
import type { AnyMessage } from "../api/wire";
import { useI18n } from "../i18n";
import { creationsOf } from "../resource/creations";
import { idOf, searchRecords } from "../resource/records";
import { textOf, titleOf } from "../resource/text";
import { mayCall } from "../schema/permissions";
import type { Entity } from "../schema/model";
import { iconOf } from "../ui/icons";
import { useWriting } from "../ui/zone";
import type { Place } from "./Rail";
import { signOut, useMe, useModel } from "./session";
import { endTypeAhead } from "./typeAhead";

const EACH = 5;
const [store, { open }] = createSpotlight();

interface Item {
  readonly key: string;
  readonly label: string;
  readonly hint?: string;
  readonly icon: ReactNode;
  run: () => void;
}

interface Props {
  readonly places: readonly Place[];
  onClose: () => void;
  onKeys: () => void;
}

export default function Palette({ places, onClose, onKeys }: Props) {
  const { t } = useI18n();
  const [query, setQuery] = useState("");
  const [sought] = useDebouncedValue(query.trim(), 180);
  const pages = usePages(places);
  const actions = useActions(onKeys);
  const { items: records, searching } = useFound(sought);
  useEffect(() => {
    open();
    return () => void endTypeAhead();
  }, []);
  const matches = (item: Item) => query.trim() === "" || item.label.toLowerCase().includes(query.trim().toLowerCase());
  const groups = [
    { title: t("palette.records"), items: query.trim() === "" ? [] : records },
    { title: t("palette.pages"), items: pages.filter(matches) },
    { title: t("palette.actions"), items: actions.filter(matches) },
  ].filter(({ items }) => items.length > 0);
  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={setQuery}
      onSpotlightClose={onClose}
      shortcut={null}
      scrollable
      maxHeight={420}
      overlayProps={{ backgroundOpacity: 0.35, blur: 0 }}
      transitionProps={{ duration: 80 }}
      attributes={{ content: { "aria-label": t("palette.placeholder") } }}
    >
      <Spotlight.Search
        placeholder={t("palette.placeholder")}
        aria-label={t("palette.placeholder")}
        onFocus={() => {
          const ahead = endTypeAhead();
          if (ahead) setQuery((query) => query + ahead);
        }}
        leftSection={<IconSearch size={17} stroke={1.6} aria-hidden />}
      />
      <Spotlight.ActionsList>
        {groups.map(({ title, items }) => (
          <Spotlight.ActionsGroup key={title} label={title}>
            {items.map((item) => (
              <Spotlight.Action
                key={item.key}
                label={item.label}
                {...(item.hint ? { description: item.hint } : {})}
                leftSection={item.icon}
                onClick={item.run}
              />
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {groups.length === 0 ? (
          <Spotlight.Empty>{t(searching ? "palette.searching" : "palette.nothing")}</Spotlight.Empty>
        ) : null}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}

function usePages(places: readonly Place[]): readonly Item[] {
  const { t, plural, domain } = useI18n();
  const navigate = useNavigate();
  return useMemo(
    () =>
      places.map(({ path, entity, title, icon: Icon, domain: name }) => ({
        key: `page ${path}`,
        label: entity ? plural(entity.typeName) : title ? t(title) : path,
        ...(name ? { hint: domain(name) } : {}),
        icon: <Icon size={18} stroke={1.6} aria-hidden />,
        run: () => void navigate({ to: path }),
      })),
    [places, t, plural, domain, navigate],
  );
}

function useActions(onKeys: () => void): readonly Item[] {
  const { t, label } = useI18n();
  const { may } = useMe();
  const model = useModel();
  const navigate = useNavigate();
  const { setColorScheme } = useMantineColorScheme();
  return useMemo(() => {
    const creations = model.entities.flatMap((entity) =>
      creationsOf(entity)
        .filter((method) => mayCall(may, method))
        .map((method) => ({
          key: `new ${entity.typeName}/${method.name}`,
          label: method === entity.methods.create ? t("palette.new", { noun: label(entity.desc) }) : label(method),
          icon: <IconPlus size={18} stroke={1.6} aria-hidden />,
          run: () =>
            void navigate({
              to: `${entity.path}/new`,
              search: method === entity.methods.create ? {} : { by: method.name },
            }),
        })),
    );
    return [
      ...creations,
      {
        key: "light",
        label: `${t("user.theme")}: ${t("user.light")}`,
        icon: <IconSun size={18} aria-hidden />,
        run: () => setColorScheme("light"),
      },
      {
        key: "dark",
        label: `${t("user.theme")}: ${t("user.dark")}`,
        icon: <IconMoon size={18} aria-hidden />,
        run: () => setColorScheme("dark"),
      },
      { key: "keys", label: t("user.shortcuts"), icon: <IconKeyboard size={18} aria-hidden />, run: onKeys },
      {
        key: "out",
        label: t("user.logout"),
        icon: <IconLogout size={18} aria-hidden />,
        run: () => void signOut().catch(() => undefined),
      },
    ];
  }, [model, may, t, label, navigate, setColorScheme, onKeys]);
}

/** What the search methods of all entities find that the caller may search. */
function useFound(words: string): { items: readonly Item[]; searching: boolean } {
  const { plural } = useI18n();
  const writing = useWriting();
  const { may } = useMe();
  const model = useModel();
  const navigate = useNavigate();
  const searchable = useMemo(
    () => model.entities.filter((entity) => mayCall(may, entity.methods.search)),
    [model, may],
  );
  const results = useQueries({
    queries: searchable.map((entity) => ({
      queryKey: ["list", entity.typeName, "palette", words],
      queryFn: ({ signal }: { signal: AbortSignal }) => searchRecords(entity, words, EACH, signal),
      enabled: words.length > 1,
    })),
  });
  const items = results.flatMap(({ data }, place) => {
    const entity = searchable[place];
    if (!entity || !data) return [];
    const Icon = iconOf(entity.collection);
    return data.map((record): Item => ({
      key: `${entity.typeName}/${idOf(record)}`,
      label: titleOf(entity, record, writing.i18n.locale),
      hint: [plural(entity.typeName), hintOf(entity, record, writing)].filter(Boolean).join(" · "),
      icon: <Icon size={18} stroke={1.6} aria-hidden />,
      run: () => void navigate({ to: `${entity.path}/${idOf(record)}` }),
    }));
  });
  return { items, searching: results.some(({ isFetching }) => isFetching) };
}

/** What else tells the record apart: its state, code or e-mail. */
function hintOf(entity: Entity, record: AnyMessage, writing: ReturnType<typeof useWriting>): string {
  return entity.fields
    .filter(
      ({ name, shape }) => shape === "single" && ["code", "sku", "number", "email", "state", "type"].includes(name),
    )
    .filter((field) => !entity.titleFields.includes(field))
    .map((field) => textOf(field, record[field.desc.localName], writing))
    .filter(Boolean)
    .join(" · ");
}
