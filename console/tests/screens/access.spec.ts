import { expect, test } from "@playwright/test";
import { newCompany, pageUrl, signIn } from "../company";

test.use({ baseURL: pageUrl() });

test("a role made in the matrix takes effect for the user who gets it", async ({ page, browser }) => {
  const company = await newCompany();
  await signIn(page, company);
  const { roles, users } = company.tessera.identity;
  await page.goto("/access?view=roles");
  await page.getByRole("button", { name: "New role" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Reader of accounts");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.getByLabel("Reader of accounts: crm.accounts.read").check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("1 role changed")).toBeHidden();
  const made = (await roles.listRoles({ pageSize: 100 })).roles.find(({ name }) => name === "Reader of accounts");
  expect(made?.permissions).toEqual(["crm.accounts.read"]);

  const clerk = { email: `clerk.${company.email}`, password: company.password };
  await users.createUser({ user: { email: clerk.email, displayName: "Karl Clerk" }, password: clerk.password });
  await page.goto("/access");
  await page.getByRole("combobox", { name: "Roles: Karl Clerk" }).click();
  await page.getByRole("option", { name: "Reader of accounts" }).click();
  await expect(page.getByText("Saved")).toBeVisible();

  const other = await (await browser.newContext()).newPage();
  await signIn(other, clerk);
  const nav = other.getByRole("navigation", { name: "Main navigation" });
  await expect(nav.getByRole("link", { name: "Accounts" })).toBeVisible();
  await expect(nav.getByRole("link", { name: "Ledger", exact: true })).toBeHidden();
  await expect(nav.getByRole("link", { name: "Orders", exact: true })).toBeHidden();
  await other.context().close();
});

test("a role that somebody else has changed meanwhile is not overwritten", async ({ page }) => {
  const company = await newCompany();
  await signIn(page, company);
  const { roles } = company.tessera.identity;
  const role = await roles.createRole({ role: { name: "Contested", permissions: ["crm.accounts.read"] } });
  await page.goto("/access?view=roles");
  await page.getByLabel("Contested: crm.contacts.read").check();
  await roles.updateRole({
    role: { id: role.id, permissions: ["orders.orders.read"] },
    updateMask: { paths: ["permissions"] },
  });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByRole("button", { name: "Take theirs" }).click();
  await expect(page.getByLabel("Contested: orders.orders.read")).toBeChecked();
  await expect(page.getByLabel("Contested: crm.contacts.read")).not.toBeChecked();
});

test("the text of an API key is shown once, and works", async ({ page, request }) => {
  const company = await newCompany();
  await signIn(page, company);
  await page.goto("/access?view=keys");
  await page.getByRole("button", { name: "New API key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Web shop");
  await dialog.getByRole("combobox", { name: "Scopes" }).fill("crm.accounts.read");
  await page.getByRole("option", { name: "crm.accounts.read" }).click();
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Create" }).click();
  const secret = (await page.getByTestId("secret").textContent()) ?? "";
  expect(secret).toMatch(/^tsk_/);
  const asKey = (path: string) => request.get(`/api/v1/${path}`, { headers: { "x-api-key": secret } });
  expect((await asKey("accounts")).status()).toBe(200);
  expect((await asKey("orders")).status()).toBe(403);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.reload();
  await expect(page.getByRole("row", { name: /Web shop/ })).toBeVisible();
  await expect(page.locator("body")).not.toContainText(secret);
});
