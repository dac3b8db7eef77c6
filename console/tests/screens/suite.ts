// A company of its own for each test, and the suite's REST as what the screens are held against.
import { expect } from "@playwright/test";
import type { APIRequestContext, Page } from "@playwright/test";
import { ownAddress } from "../company";

export interface Company {
  readonly slug: string;
  readonly email: string;
  readonly password: string;
}

type Json = Record<string, unknown>;

export function newCompany(): Company {
  const slug = `t${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  return { slug, email: `owner@${slug}.example`, password: `${slug}-password` };
}

/** Signs up in the browser, as people do. */
export async function signUp(page: Page, company: Company): Promise<void> {
  await page.setExtraHTTPHeaders(ownAddress());
  await page.goto("/signup");
  await page.getByLabel("Company name").fill(`Company ${company.slug}`);
  await page.getByLabel("Company slug").fill(company.slug);
  await page.getByLabel("Your name").fill("Olga Owner");
  await page.getByLabel("E-mail").fill(company.email);
  await page.locator("input[name=password]").fill(company.password);
  await page.getByLabel("Base currency").fill("EUR");
  await page.getByRole("button", { name: "Sign up" }).click();
  // On a phone the navigation is there, but folded away.
  await expect(page.locator(".rail a").first()).toBeAttached();
}

/** Calls of the company's owner by REST, besides the console. */
export class Rest {
  readonly #request: APIRequestContext;
  readonly #token: string;

  private constructor(request: APIRequestContext, token: string) {
    this.#request = request;
    this.#token = token;
  }

  static async of(request: APIRequestContext, { email, password, slug }: Company): Promise<Rest> {
    const response = await request.post("/api/v1/auth:login", { data: { email, password, tenantSlug: slug } });
    expect(response.ok(), await response.text()).toBe(true);
    const { tokens } = (await response.json()) as { tokens: { accessToken: string } };
    return new Rest(request, tokens.accessToken);
  }

  async get<Answer = Json>(path: string, params: Record<string, string> = {}): Promise<Answer> {
    const response = await this.#request.get(`/api/v1/${path}`, { params, headers: this.#headers() });
    expect(response.ok(), await response.text()).toBe(true);
    return (await response.json()) as Answer;
  }

  async post<Answer = Json>(path: string, data: Json): Promise<Answer> {
    const response = await this.#request.post(`/api/v1/${path}`, { data, headers: this.#headers() });
    expect(response.ok(), await response.text()).toBe(true);
    return (await response.json()) as Answer;
  }

  async patch<Answer = Json>(path: string, data: Json): Promise<Answer> {
    const response = await this.#request.patch(`/api/v1/${path}`, { data, headers: this.#headers() });
    expect(response.ok(), await response.text()).toBe(true);
    return (await response.json()) as Answer;
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#token}` };
  }
}

/** A product of which there are some, once the company has its first warehouse. */
export async function makeProduct(rest: Rest, name: string, count: string): Promise<string> {
  await expect
    .poll(async () => (await rest.get<{ warehouses?: unknown[] }>("warehouses")).warehouses?.length ?? 0)
    .toBeGreaterThan(0);
  // A product needs a number of its own.
  const sku = `SKU-${Math.random().toString(36).slice(2, 8).toUpperCase()}`;
  const price = { currencyCode: "EUR", units: "19", nanos: 990_000_000 };
  const { id } = await rest.post<{ id: string }>("products", { sku, name, unit: "piece", price });
  await rest.post(`products/${id}:activate`, {});
  await rest.post("stock-moves:receive", { lines: [{ productId: id, quantity: { value: count } }] });
  return id;
}

/** An order of one product that has gone all its way; answers its id. */
export async function makeOrder(rest: Rest, productId: string): Promise<string> {
  const account = await rest.post<{ id: string }>("accounts", { displayName: "Lake Traders" });
  const { id } = await rest.post<{ id: string }>("orders", {
    accountId: account.id,
    currencyCode: "EUR",
    paymentMethod: "card_ok",
    lines: [{ productId, quantity: { value: "2" } }],
  });
  await expect
    .poll(async () => (await rest.get<{ state: string }>(`orders/${id}`)).state, { timeout: 60_000 })
    .toBe("ORDER_STATE_COMPLETED");
  return id;
}

/** Chooses a record by typing a part of its name. */
export async function choose(page: Page, label: string, name: string): Promise<void> {
  await page.getByRole("textbox", { name: label, exact: true }).fill(name);
  await page.getByRole("option", { name }).first().click();
}
