// A company of its own for each test, made through the same client that programs use.
import { randomUUID } from "node:crypto";
import type { Page } from "@playwright/test";
import { expect } from "@playwright/test";
import type { Tessera } from "@client/connect";

export const suiteUrl = () => process.env["TESSERA_SUITE"] ?? "";
export const pageUrl = () => process.env["TESSERA_PAGE"] ?? "";

export interface Company {
  readonly tessera: Tessera;
  readonly email: string;
  readonly password: string;
}

/** A part of the client, as the setup has bundled it. */
async function bundled<Part>(name: string): Promise<Part> {
  return (await import(`${process.env["TESSERA_CLIENT"] ?? ""}/${name}.js`)) as Part;
}

export async function newCompany(): Promise<Company> {
  const slug = `c-${randomUUID().slice(0, 30)}`.replace(/-$/, "0");
  const [email, password] = [`owner@${slug}.example`, randomUUID()];
  const { connect, memoryStore } = await bundled<typeof import("@client/index")>("index");
  const tessera = connect({ baseUrl: suiteUrl(), tokens: memoryStore() });
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
  const { AccountType } = await bundled<typeof import("@client/gen/erp/crm/v1/account_pb")>("account");
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
