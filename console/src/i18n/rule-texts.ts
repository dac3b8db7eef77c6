// What a broken rule of validation says.

/**
 * The catalogue's text for a rule; the validator's own words where it has none. `{}` in a text is the limit that those
 * words name.
 */
export function ruleText(texts: Readonly<Record<string, string>>, rule: string, message: string): string {
  const own = message.charAt(0).toUpperCase() + message.slice(1);
  // `int32.gte` and its like say the same for every kind of number.
  const text = texts[rule] ?? texts[/\.(gte|gt|lte|lt)$/.exec(rule)?.[1] ?? ""] ?? own;
  if (!text.includes("{}")) return text;
  const limit = /-?\d[\d.]*/.exec(message)?.[0].replace(/\.$/, "");
  return limit === undefined ? own : text.replace("{}", limit);
}
