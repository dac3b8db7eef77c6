// What things of the contracts are called. A catalogue names them by full name, or once for all by the bare name; what
// it does not name is called by its own name, made readable.
import type { DescEnum, DescEnumValue, DescField, DescMessage, DescMethod, DescOneof } from "@bufbuild/protobuf";
import { ruleText } from "./rule-texts";

export type Labelled = DescField | DescMessage | DescMethod | DescEnumValue | DescOneof;

export interface LabelTexts {
  /** By full name: `erp.crm.v1.Account.domain`, `erp.crm.v1.AccountService/CreateAccount`, an enum's value by its own. */
  readonly exact: Readonly<Record<string, string>>;
  /** Of fields by bare name, `display_name`; of enum values by short name, `ACTIVE`; of verbs, `Create`. */
  readonly fields: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string>>;
  /** Methods by their first word; `{}` stands for what they do it to. */
  readonly verbs: Readonly<Record<string, string>>;
  /** One and several of an entity, by the message's bare name. */
  readonly nouns: Readonly<Record<string, readonly [string, string]>>;
  readonly domains: Readonly<Record<string, string>>;
  /** By error domain and reason: `erp.crm/ACCOUNT_CYCLE`. */
  readonly reasons: Readonly<Record<string, string>>;
  /** By type, `order.placed`; for any noun by its verb, `*.created`, where `{}` stands for the noun. */
  readonly events: Readonly<Record<string, string>>;
  /** What broken rules of validation say, by the rule's id; see `ruleText`. */
  readonly rules: Readonly<Record<string, string>>;
  /** What to know of a field, by full name; absent where the contracts' own comments are in this language. */
  readonly help?: Readonly<Record<string, string>>;
}

const ACRONYMS = new Map(
  ["id", "ids", "sku", "url", "uri", "vat", "iban", "bic", "api", "smtp", "html", "json", "iso", "pdf"].map((word) => [
    word,
    word === "ids" ? "IDs" : word.toUpperCase(),
  ]),
);

export function labelsIn(texts: LabelTexts) {
  return {
    label: (what: Labelled) => known(texts, what) ?? fallback(what),
    plural: (typeName: string) => texts.nouns[bare(typeName)]?.[1] ?? pluralOf(readable(bare(typeName))),
    domain: (name: string) => texts.domains[name] ?? readable(name),
    reason: (domain: string, reason: string) => texts.reasons[`${domain}/${reason}`],
    rule: (rule: string, message: string) => ruleText(texts.rules, rule, message),
    help: (field: DescField, comment: string) =>
      texts.help ? (texts.help[`${field.parent.typeName}.${field.name}`] ?? "") : comment,
    event: (type: string) => knownEvent(texts, type) ?? readable(type.replace(".", "_")),
  };
}

/** What the catalogue calls an event; undefined where it says nothing. */
export function knownEvent(texts: LabelTexts, type: string): string | undefined {
  const exact = texts.events[type];
  if (exact !== undefined) return exact;
  const [noun = "", past = ""] = type.split(".");
  const phrase = texts.events[`*.${past}`];
  const known = Object.entries(texts.nouns).find(([name]) => readable(name) === readable(noun));
  return known && phrase?.replace("{}", known[1][0]);
}

/** What the catalogue says; undefined where it says nothing. Tests ask for it, so that nothing stays English. */
export function known(texts: LabelTexts, what: Labelled): string | undefined {
  switch (what.kind) {
    case "field":
    case "oneof":
      return texts.exact[`${what.parent.typeName}.${what.name}`] ?? texts.fields[what.name];
    case "message":
      return texts.exact[what.typeName] ?? texts.nouns[what.name]?.[0];
    case "enum_value":
      return texts.exact[what.name] ?? texts.values[shortName(what)];
    case "rpc":
      return texts.exact[`${what.parent.typeName}/${what.name}`] ?? verbPhrase(texts, what);
  }
}

/** `DeleteAccount` is the verb `Delete` and the noun `Account`. */
function verbPhrase(texts: LabelTexts, method: DescMethod): string | undefined {
  const verb = /^(BatchGet|[A-Z][a-z]+)/.exec(method.name)?.[0] ?? "";
  const phrase = texts.verbs[verb];
  if (phrase === undefined) return undefined;
  const rest = method.name.slice(verb.length);
  const noun = Object.entries(texts.nouns).find(([name]) => rest === name || rest === pluralOf(name));
  if (!noun) return phrase.includes("{}") ? undefined : phrase;
  return phrase.replace("{}", noun[1][rest === noun[0] ? 0 : 1]);
}

function fallback(what: Labelled): string {
  switch (what.kind) {
    case "field":
      return readable(what.name.replace(/_ids?$/, ""));
    case "enum_value":
      return readable(shortName(what).toLowerCase());
    default:
      return readable(what.name);
  }
}

/** `ACCOUNT_TYPE_CUSTOMER` of the enum `AccountType` is `CUSTOMER`. */
export function shortName(value: DescEnumValue): string {
  return value.name.slice(prefixOf(value.parent).length);
}

function prefixOf({ sharedPrefix }: DescEnum): string {
  return sharedPrefix?.toUpperCase() ?? "";
}

/** `billing_address` and `BillingAddress` become `Billing address`. */
export function readable(name: string): string {
  const words = name
    .replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_")
    .toLowerCase()
    .split(/[_\s-]+/)
    .filter(Boolean);
  const text = words.map((word) => ACRONYMS.get(word) ?? word).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** English plurals as the contracts form them. */
export function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

function bare(typeName: string): string {
  return typeName.slice(typeName.lastIndexOf(".") + 1);
}
