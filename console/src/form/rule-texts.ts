// What the standard validation rules say, in other languages than the validator's own English.
import type { Language } from "../i18n";

/** `{}` is the limit that the English text names. */
const GERMAN: Readonly<Record<string, string>> = {
  required: "Das wird gebraucht.",
  "string.min_len": "Mindestens {} Zeichen.",
  "string.max_len": "Höchstens {} Zeichen.",
  "string.len": "Genau {} Zeichen.",
  "string.pattern": "Das hat nicht die verlangte Form.",
  "string.email": "Das ist keine E-Mail-Adresse.",
  "string.email_empty": "Hier fehlt eine E-Mail-Adresse.",
  "string.uuid": "Das ist keine gültige Kennung.",
  "string.uuid_empty": "Hier fehlt eine Auswahl.",
  "string.uri": "Das ist keine vollständige Adresse (URI).",
  "string.uri_empty": "Hier fehlt eine Adresse (URI).",
  "repeated.min_items": "Mindestens {} Einträge.",
  "repeated.max_items": "Höchstens {} Einträge.",
  "repeated.unique": "Kein Eintrag darf doppelt sein.",
  "map.max_pairs": "Höchstens {} Einträge.",
  "map.min_pairs": "Mindestens {} Einträge.",
  "enum.defined_only": "Diesen Wert gibt es nicht.",
  gte: "Mindestens {}.",
  gt: "Mehr als {}.",
  lte: "Höchstens {}.",
  lt: "Weniger als {}.",
};

/** The text for a rule; the validator's own where there is no other. */
export function ruleText(rule: string, message: string, language: Language): string {
  const english = message.charAt(0).toUpperCase() + message.slice(1);
  if (language === "en") return english;
  // `int32.gte` and its like say the same for every kind of number.
  const text = GERMAN[rule] ?? GERMAN[/\.(gte|gt|lte|lt)$/.exec(rule)?.[1] ?? ""];
  if (text === undefined) return english;
  const limit = /-?\d[\d.]*/.exec(message)?.[0].replace(/\.$/, "");
  return text.includes("{}") ? (limit === undefined ? english : text.replace("{}", limit)) : text;
}
