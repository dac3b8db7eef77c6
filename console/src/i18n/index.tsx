// Texts in the language of the user. A catalogue is one typed object, so that a missing text does not compile.
import { createContext, use, useCallback, useEffect, useMemo, useState } from "react";
import type { ReactNode } from "react";
import type { DescField } from "@bufbuild/protobuf";
import { en } from "./en";
import type { Catalogue, Key } from "./en";
import { labelsIn } from "./labels";
import type { Labelled, LabelTexts } from "./labels";
import { enLabels } from "./en-labels";

export type { Key } from "./en";
export type Language = "en" | "de";
export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", de: "Deutsch" };

/** What replaces `{name}` in a text. */
export type Values = Readonly<Record<string, string | number>>;

export interface I18n {
  readonly language: Language;
  /** For Intl: the user's own region where it speaks the language. */
  readonly locale: string;
  /** A text; with `count` the one for so many. */
  t: (key: Key, values?: Values) => string;
  /** What a field, method, entity, enum value or domain is called. */
  label: (what: Labelled) => string;
  /** Several of an entity: `Accounts`. */
  plural: (typeName: string) => string;
  domain: (name: string) => string;
  /** What the reason of an error means; undefined where the server's own words are all there is. */
  reason: (domain: string, reason: string) => string | undefined;
  /** What an event tells, by its type: `Order placed`. */
  event: (type: string) => string;
  /** What to know of a field: the contracts' comment where it is in this language, else what the catalogue has. */
  help: (field: DescField, comment: string) => string;
  /** What a broken rule says; `message` is what is said where the catalogue does not know the rule. */
  rule: (rule: string, message: string) => string;
  choose: (language: Language) => void;
}

interface Loaded {
  readonly language: Language;
  readonly texts: Catalogue;
  readonly labels: LabelTexts;
}

const english: Loaded = { language: "en", texts: en, labels: enLabels };
const KEPT = "tessera.language";
const Languages = createContext<{ loaded: Loaded; choose: (language: Language) => void } | undefined>(undefined);
const Context = createContext<I18n | undefined>(undefined);

export function useI18n(): I18n {
  const i18n = use(Context);
  if (!i18n) throw new Error("there is no I18nProvider above");
  return i18n;
}

/** The language that was chosen here, else the browser's first one that there is. */
export function preferredLanguage(): Language {
  const wishes = [localStorage.getItem(KEPT) ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2));
  return wishes.find((tag): tag is Language => tag in LANGUAGES) ?? "en";
}

/** English is part of the first load; others come when they are wanted. */
export async function loadLanguage(language: Language): Promise<Loaded> {
  if (language === "en") return english;
  const [{ de }, { deLabels }] = await Promise.all([import("./de"), import("./de-labels")]);
  return { language, texts: de, labels: deLabels };
}

export function makeI18n(loaded: Loaded, region: string, choose: (language: Language) => void): I18n {
  const { language, texts, labels } = loaded;
  const locale = region.startsWith(language)
    ? region
    : (navigator.languages.find((tag) => tag.startsWith(language)) ?? language);
  const plurals = new Intl.PluralRules(language);
  const named = labelsIn(labels);
  return {
    language,
    locale,
    t(key, values) {
      const text = texts[key];
      const parts = text.split("|");
      const count = values?.["count"];
      // `one|other` where a text depends on a number.
      const form =
        parts.length > 1 && typeof count === "number" ? parts[plurals.select(count) === "one" ? 0 : 1] : text;
      return (form ?? text).replace(/\{(\w+)\}/g, (whole, name: string) => {
        const value = values?.[name];
        if (value === undefined) return whole;
        return typeof value === "number" ? new Intl.NumberFormat(locale).format(value) : value;
      });
    },
    ...named,
    choose,
  };
}

export function I18nProvider({ first, children }: { first: Loaded; children: ReactNode }) {
  const [loaded, setLoaded] = useState(first);
  const choose = useCallback((language: Language) => {
    localStorage.setItem(KEPT, language);
    void loadLanguage(language).then(setLoaded);
  }, []);
  useEffect(() => {
    document.documentElement.lang = loaded.language;
  }, [loaded]);
  const value = useMemo(() => ({ loaded, choose }), [loaded, choose]);
  return (
    <Languages value={value}>
      <I18nRegion region="">{children}</I18nRegion>
    </Languages>
  );
}

/** Below it, numbers and times are written as in the user's own region. */
export function I18nRegion({ region, children }: { region: string; children: ReactNode }) {
  const languages = use(Languages);
  if (!languages) throw new Error("there is no I18nProvider above");
  const { loaded, choose } = languages;
  const value = useMemo(() => makeI18n(loaded, region, choose), [loaded, region, choose]);
  return <Context value={value}>{children}</Context>;
}
