import { create } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { DateSchema } from "./gen/google/type/date_pb.js";
import type { Date as CivilDate } from "./gen/google/type/date_pb.js";
import { DecimalSchema } from "./gen/google/type/decimal_pb.js";
import type { Decimal } from "./gen/google/type/decimal_pb.js";
import { MoneySchema } from "./gen/google/type/money_pb.js";
import type { Money } from "./gen/google/type/money_pb.js";

const AMOUNT = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/;

/** An amount such as `money("12.50", "EUR")`. Text, because a JavaScript number cannot hold every amount. */
export function money(amount: string, currencyCode: string): Money {
  const [, sign, units, fraction = ""] = AMOUNT.exec(amount) ?? [];
  if (units === undefined) throw new RangeError(`\`${amount}\` is no amount such as 12.50`);
  const factor = sign === "-" ? -1 : 1;
  // Adding zero makes the zero of a negative amount a plain one.
  const nanos = factor * Number(fraction.padEnd(9, "0")) + 0;
  return create(MoneySchema, { currencyCode, units: BigInt(factor) * BigInt(units), nanos });
}

/** The amount as text without needless zeros, such as `12.5`; `money` reads it back. */
export function amount(value: Money): string {
  const nanos = value.units * 1_000_000_000n + BigInt(value.nanos);
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return `${nanos < 0n ? "-" : ""}${digits.slice(0, -9)}${fraction && `.${fraction}`}`;
}

/** The amount as people of a locale write it, such as `12,50 €`; every digit that the amount has is shown. */
export function formatMoney(value: Money, locale?: string): string {
  const text = amount(value);
  const style = { style: "currency", currency: value.currencyCode } as const;
  const usual = new Intl.NumberFormat(locale, style).resolvedOptions().minimumFractionDigits ?? 0;
  const maximumFractionDigits = Math.max(usual, text.split(".")[1]?.length ?? 0);
  return new Intl.NumberFormat(locale, { ...style, maximumFractionDigits }).format(text as `${number}`);
}

/** A day of the calendar such as `civilDate("2026-11-21")`. */
export function civilDate(text: string): CivilDate {
  const [, year = 0, month = 0, day = 0] = (/^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []).map(Number);
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  if (year === 0 || time.getUTCMonth() !== month - 1 || time.getUTCDate() !== day) {
    throw new RangeError(`\`${text}\` is no day such as 2026-11-21`);
  }
  return create(DateSchema, { year, month, day });
}

/** The day as text, such as `2026-11-21`. */
export function dateText({ year, month, day }: CivilDate): string {
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** An exact number such as `decimal("2.5")`. */
export function decimal(value: string): Decimal {
  if (!/^-?\d+(\.\d+)?$/.test(value)) throw new RangeError(`\`${value}\` is no number such as 2.5`);
  return create(DecimalSchema, { value });
}

/** The fields that an update changes, by their names in TypeScript: `fieldMask(AccountSchema, "displayName")`. */
export function fieldMask<Desc extends DescMessage>(
  schema: Desc,
  ...fields: Exclude<keyof MessageShape<Desc>, `$${string}`>[]
): FieldMask {
  const paths = fields.map((name) => {
    const field = schema.fields.find((one) => one.localName === name);
    if (!field) throw new RangeError(`${schema.typeName} has no field ${String(name)}`);
    return field.name;
  });
  return create(FieldMaskSchema, { paths });
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}
