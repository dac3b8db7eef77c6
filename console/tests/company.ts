// A company of its own for each test, made through the same client that programs use.
import { randomUUID } from "node:crypto";
import type { Page } from "@playwright/test";
import { expect } from "@playwright/test";
import type { Tessera } from "./client";

export const suiteUrl = () => process.env["TESSERA_SUITE"] ?? "";
export const pageUrl = () => process.env["TESSERA_PAGE"] ?? "";

export interface Company {
  readonly tessera: Tessera;
  readonly email: string;
  readonly password: string;
}

async function client(): Promise<typeof import("./client")> {
  return (await import(process.env["TESSERA_CLIENT"] ?? "")) as typeof import("./client");
}

/** Signing up is limited by address: each company comes from one of its own, as a suite may be told to believe. */
export function ownAddress(): Record<string, string> {
  const part = () => 1 + Math.floor(Math.random() * 254);
  return { "x-forwarded-for": `10.${part()}.${part()}.${part()}` };
}

export async function newCompany(): Promise<Company> {
  const slug = `c-${randomUUID().slice(0, 30)}`.replace(/-$/, "0");
  const [email, password] = [`owner@${slug}.example`, randomUUID()];
  const { connect, createGrpcWebTransport, memoryStore } = await client();
  const headers = ownAddress();
  const transport = createGrpcWebTransport({
    baseUrl: suiteUrl(),
    fetch: (input, init) => {
      const all = new Headers(init?.headers);
      for (const [name, value] of Object.entries(headers)) all.set(name, value);
      return fetch(input, { ...init, headers: all });
    },
  });
  const tessera = connect({ transport, tokens: memoryStore() });
  await tessera.signUp({ companyName: "Nordwind GmbH", slug, email, password, baseCurrency: "EUR" });
  return { tessera, email, password };
}

/** A user of the company who may do only what is named. */
export async function newUser(
  { tessera }: Company,
  permissions: string[],
): Promise<{ email: string; password: string }> {
  const role = await tessera.identity.roles.createRole({ role: { name: "Limited", permissions } });
  const [email, password] = [`limited-${randomUUID().slice(0, 8)}@nordwind.example`, randomUUID()];
  await tessera.identity.users.createUser({
    user: { email, displayName: "Limited User", roleIds: [role.id] },
    password,
  });
  return { email, password };
}

/** So many accounts, a few calls at a time. */
export async function createAccounts({ tessera }: Company, count: number): Promise<void> {
  let next = 0;
  const { AccountType } = await client();
  const worker = async () => {
    for (let number = next++; number < count; number = next++) {
      const code = `K-${String(number).padStart(5, "0")}`;
      const type = number % 10 === 0 ? AccountType.VENDOR : AccountType.CUSTOMER;
      await tessera.crm.accounts.createAccount({ account: { displayName: `Account ${code}`, code, type } });
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
}

export async function signIn(page: Page, user: { email: string; password: string }, base = pageUrl()): Promise<void> {
  await page.goto(`${base}/login`);
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  // On a phone the navigation is there, but folded away.
  await expect(page.locator(".rail a").first()).toBeAttached();
}

/** Waits until what was typed would survive a reload. */
export async function draftIsKept(page: Page): Promise<void> {
  await expect
    .poll(() => page.evaluate(() => Object.keys(sessionStorage).some((key) => key.startsWith("tessera.draft."))))
    .toBe(true);
}
