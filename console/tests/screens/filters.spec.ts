import { readFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";
import { newCompany as newClientCompany, pageUrl, signIn } from "../company";
import { makeOrder, makeProduct, newCompany, Rest, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

test("a filter is read as words and taken away piece by piece", async ({ page, request }) => {
  const company = newCompany();
  await signUp(page, company);
  const rest = await Rest.of(request, company);
  const order = await makeOrder(rest, await makeProduct(rest, "Green bicycle", "4"));
  const { accountId } = await rest.get<{ accountId: string }>(`orders/${order}`);
  const filter = `account_id = "${accountId}" AND (state = COMPLETED OR state = FAILED) AND order_date >= "2020-01-31"`;
  await page.goto(`/orders/orders?filter=${encodeURIComponent(filter)}`);
  const chips = page.getByRole("group", { name: "Filter" });
  await expect(chips).toContainText("Lake Traders");
  await expect(chips).toContainText(/State is\s+Completed or Failed/);
  await expect(chips).toContainText(/31 Jan 2020/);
  await expect(chips).not.toContainText(accountId);
  await chips.getByRole("button", { name: /^Remove the condition: \(state/ }).click();
  await expect(page).not.toHaveURL(/COMPLETED/);
  await expect(chips).not.toContainText("Completed");
  await expect(page.getByText("1 record", { exact: true })).toBeVisible();
  await chips.getByRole("button", { name: "Remove the filter" }).click();
  await expect(chips).toBeHidden();

  // What conditions cannot show stays readable for those who wrote it.
  await page.goto(`/orders/orders?filter=${encodeURIComponent('NOT state = FAILED AND currency_code = "EUR"')}`);
  await expect(chips.getByText("NOT state = FAILED")).toBeVisible();
  await expect(chips).toContainText(/Currency is\s+EUR/);
});

test("a file for spreadsheets names what records refer to, beside their ids", async ({ page }) => {
  const company = await newClientCompany();
  const { accounts, contacts } = company.tessera.crm;
  const account = await accounts.createAccount({ account: { displayName: "River, Rowers & Co" } });
  for (const givenName of ["Ada", "Bea", "Cid"])
    await contacts.createContact({ contact: { givenName, familyName: "Rower", accountId: account.id } });
  await signIn(page, company);
  await page.goto("/crm/contacts");
  await expect(page.getByText("3 records", { exact: true })).toBeVisible();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Export" }).click();
  const text = await readFile(await (await download).path(), "utf8");
  const [head = "", ...rows] = text.trim().split("\r\n");
  expect(head).toContain("Account,Account (id)");
  expect(rows).toHaveLength(3);
  for (const row of rows) expect(row).toContain(`"River, Rowers & Co",${account.id}`);
});
