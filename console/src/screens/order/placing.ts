// What is typed before an order is placed: kept over reloads, checked, and summed up exactly.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PlaceOrderRequestSchema } from "@client/gen/erp/orders/v1/order_pb";
import { parseMoney, plainNumber } from "../../format/money";
import type { Key } from "../../i18n";
import { millionths, nanosOf, netAmount, sumOf } from "../parts/sums";
import type { Sum } from "../parts/sums";

export interface DraftLine {
  readonly key: string;
  readonly productId: string;
  readonly quantity: string;
  /** In percent, as people say it; empty: none. */
  readonly discount: string;
}

export interface Draft {
  readonly accountId: string;
  readonly currency: string;
  readonly payment: string;
  readonly email: string;
  readonly day: string;
  readonly freight: string;
  readonly lines: readonly DraftLine[];
}

/** What is known of a product. */
export interface Facts {
  readonly price: Sum | undefined;
}

const KEPT = "tessera.draft.place-order";

export function emptyLine(): DraftLine {
  return { key: crypto.randomUUID(), productId: "", quantity: "1", discount: "" };
}

/** An order of which nothing was typed yet. */
export function blank(currency: string): Draft {
  return { accountId: "", currency, payment: "", email: "", day: "", freight: "", lines: [emptyLine()] };
}

export function kept(): Draft | undefined {
  try {
    return (JSON.parse(sessionStorage.getItem(KEPT) ?? "null") as Draft | null) ?? undefined;
  } catch {
    return undefined;
  }
}

export function keep(draft: Draft): void {
  // The means of payment is a secret of the customer's.
  sessionStorage.setItem(KEPT, JSON.stringify({ ...draft, payment: "" }));
}

export function forget(): void {
  sessionStorage.removeItem(KEPT);
}

/** Whether something was typed that would be a loss: an order that was only looked at is none. */
export function isTyped(draft: Draft, currency: string): boolean {
  const withoutKeys = ({ lines, ...head }: Draft) =>
    JSON.stringify([head, lines.map(({ productId, quantity, discount }) => [productId, quantity, discount])]);
  return withoutKeys({ ...blank(currency), ...draft }) !== withoutKeys(blank(currency));
}

/** Where a field that the server complains of stands on the page; undefined where it has no input. */
export function placeOf(field: string, draft: Draft): string | undefined {
  const [, number, inner = ""] = /^lines\[(\d+)\](?:\.(\w+))?/.exec(field) ?? [];
  if (number !== undefined) {
    const line = draft.lines[Number(number)];
    const name = { "": "product", product_id: "product", quantity: "quantity", discount: "discount" }[inner];
    return line && name && `${line.key}.${name}`;
  }
  return PLACES[field.replace(/\..*/, "")];
}

const PLACES: Readonly<Record<string, string>> = {
  account_id: "accountId",
  payment_method: "payment",
  customer_email: "email",
  order_date: "day",
  currency_code: "currency",
  freight: "freight",
};

/** A quantity as typed, in millionths; undefined for what is none. */
function quantityOf(line: DraftLine, locale: string): bigint | undefined {
  const value = millionths(plainNumber(line.quantity, locale) ?? "");
  return value !== undefined && value > 0n ? value : undefined;
}

/** The fraction that is taken off, in millionths: 15 percent are 150,000. */
function discountOf(line: DraftLine, locale: string): bigint | undefined {
  if (line.discount.trim() === "") return 0n;
  const percent = millionths(plainNumber(line.discount, locale) ?? "");
  return percent !== undefined && percent >= 0n && percent <= 100_000_000n && percent % 100n === 0n
    ? percent / 100n
    : undefined;
}

export function problemsOf(draft: Draft, facts: ReadonlyMap<string, Facts>, locale: string): Map<string, Key> {
  const found = new Map<string, Key>();
  if (!draft.accountId) found.set("accountId", "form.required");
  if (!draft.payment.trim()) found.set("payment", "form.required");
  if (draft.email && !/^[^@\s]+@[^@\s]+$/.test(draft.email)) found.set("email", "order.badEmail");
  if (draft.freight && freightOf(draft, locale) === undefined) found.set("freight", "form.badMoney");
  for (const line of draft.lines) {
    const known = facts.get(line.productId);
    if (!line.productId) found.set(`${line.key}.product`, "form.required");
    else if (known && known.price?.currencyCode !== draft.currency)
      found.set(`${line.key}.product`, "order.otherCurrency");
    if (quantityOf(line, locale) === undefined) found.set(`${line.key}.quantity`, "order.badQuantity");
    if (discountOf(line, locale) === undefined) found.set(`${line.key}.discount`, "order.badDiscount");
  }
  return found;
}

export interface Totals {
  readonly nets: ReadonlyMap<string, Sum>;
  /** Undefined as long as a line has no price. */
  readonly lines: Sum | undefined;
  readonly total: Sum | undefined;
}

export function totalsOf(draft: Draft, facts: ReadonlyMap<string, Facts>, locale: string): Totals {
  const nets = new Map<string, Sum>();
  for (const line of draft.lines) {
    const price = facts.get(line.productId)?.price;
    const [quantity, discount] = [quantityOf(line, locale), discountOf(line, locale)];
    if (price && price.currencyCode === draft.currency && quantity !== undefined && discount !== undefined)
      nets.set(line.key, netAmount(price, quantity, discount));
  }
  if (nets.size < draft.lines.length) return { nets, lines: undefined, total: undefined };
  const lines = [...nets.values()].reduce((sum, net) => sum + nanosOf(net), 0n);
  const freight = draft.freight ? freightOf(draft, locale) : sumOf(0n, draft.currency);
  return {
    nets,
    lines: sumOf(lines, draft.currency),
    total: freight && sumOf(lines + nanosOf(freight), draft.currency),
  };
}

function freightOf(draft: Draft, locale: string): Sum | undefined {
  const value = parseMoney(draft.freight, draft.currency, locale);
  return value && nanosOf(value) >= 0n ? value : undefined;
}

export function requestOf(draft: Draft, locale: string): MessageInitShape<typeof PlaceOrderRequestSchema> {
  const freight = draft.freight ? freightOf(draft, locale) : undefined;
  return {
    accountId: draft.accountId,
    currencyCode: draft.currency,
    paymentMethod: draft.payment.trim(),
    customerEmail: draft.email,
    lines: draft.lines.map((line) => {
      const discount = discountOf(line, locale) ?? 0n;
      return {
        productId: line.productId,
        quantity: { value: plainNumber(line.quantity, locale) ?? "" },
        ...(discount > 0n ? { discount: { value: fraction(discount) } } : {}),
      };
    }),
    ...(freight ? { freight: { units: freight.units, nanos: freight.nanos, currencyCode: freight.currencyCode } } : {}),
  };
}

function fraction(millionth: bigint): string {
  return `${millionth / 1_000_000n}.${String(millionth % 1_000_000n).padStart(6, "0")}`;
}
