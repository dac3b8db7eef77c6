// Amounts of money: integers and a currency all the way; a JavaScript number never holds one.
import { create } from "@bufbuild/protobuf";
import { amount, formatMoney, money } from "@client/values";
import { MoneySchema } from "@client/gen/google/type/money_pb";
import type { Money } from "@client/gen/google/type/money_pb";

export type { Money };

/** What a person typed, with the language's own separators, as `1234.56`; undefined when it is no number. */
export function plainNumber(typed: string, locale: string): string | undefined {
  const { group, decimal } = separators(locale);
  let text = typed
    .trim()
    .replace(/[\s\u00a0\u202f’']/g, "")
    .replace(/−/g, "-");
  if (decimal === ",") {
    // `1.234,5` is grouped; `12.34` with one point alone was typed as machines write it.
    if (text.includes(",")) text = text.replaceAll(".", "").replace(",", ".");
    else if (/^-?\d{1,3}(\.\d{3})+$/.test(text) && group === ".") text = text.replaceAll(".", "");
  } else text = text.replaceAll(",", "");
  if (/^-?\.\d+$/.test(text)) text = text.replace(".", "0.");
  text = text.replace(/\.$/, "");
  return /^-?\d+(\.\d+)?$/.test(text) ? text : undefined;
}

/** How many digits a currency has behind the point. */
export function currencyDigits(currencyCode: string): number {
  try {
    const options = new Intl.NumberFormat("en", { style: "currency", currency: currencyCode }).resolvedOptions();
    return options.maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** An amount as it was typed; undefined when it is none. */
export function parseMoney(typed: string, currencyCode: string, locale: string): Money | undefined {
  const plain = plainNumber(typed, locale);
  if (plain === undefined || !/^[A-Z]{3}$/.test(currencyCode)) return undefined;
  try {
    return create(MoneySchema, money(plain, currencyCode));
  } catch {
    return undefined;
  }
}

/** The amount as it is typed, with the currency's usual digits: `12.50`, in German `12,50`. */
export function typedMoney(value: Pick<Money, "units" | "nanos" | "currencyCode">, locale: string): string {
  const text = amount(create(MoneySchema, { units: value.units, nanos: value.nanos }));
  const [whole = "0", fraction = ""] = text.split(".");
  const padded = fraction.padEnd(currencyDigits(value.currencyCode), "0");
  return padded ? `${whole}${separators(locale).decimal}${padded}` : whole;
}

/** The amount as people read it: `1.234,50 €`; the code where the currency is unknown. */
export function shownMoney(value: Pick<Money, "units" | "nanos" | "currencyCode">, locale: string): string {
  const message = create(MoneySchema, {
    units: value.units,
    nanos: value.nanos,
    currencyCode: value.currencyCode,
  });
  try {
    return formatMoney(message, locale);
  } catch {
    return `${amount(message)} ${value.currencyCode}`.trim();
  }
}

/** An exact number as people read it: all its digits, grouped. */
export function shownDecimal(value: string, locale: string): string {
  if (!/^-?\d+(\.\d+)?$/.test(value)) return value;
  const digits = value.split(".")[1]?.length ?? 0;
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    value as `${number}`,
  );
}

function separators(locale: string): { group: string; decimal: string } {
  const parts = new Intl.NumberFormat(locale).formatToParts(12345.6);
  return {
    group: parts.find(({ type }) => type === "group")?.value ?? ",",
    decimal: parts.find(({ type }) => type === "decimal")?.value ?? ".",
  };
}
