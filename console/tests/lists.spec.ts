import { expect, test } from "@playwright/test";
import { readFile } from "node:fs/promises";
import { createAccounts, newCompany, pageUrl, signIn } from "./company";

test("several records are deleted at once, after a question", async ({ page }) => {
  const company = await newCompany();
  await createAccounts(company, 4);
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts?order=code`);
  for (const code of ["K-00001", "K-00002"]) await page.getByLabel(`Select Account ${code}`).check();
  const bar = page.getByRole("region", { name: "Actions" });
  await expect(bar).toContainText("2 selected");
  await bar.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete 2 records?" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(page.locator(".grid-row.at")).toHaveCount(4);
  await bar.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button").last().click();
  await expect(page.locator(".grid-row.at")).toHaveCount(2);
  await expect(page.getByText("2 records done")).toBeVisible();
  const { accounts } = await company.tessera.crm.accounts.listAccounts({ orderBy: "code" });
  expect(accounts.map(({ code }) => code)).toEqual(["K-00000", "K-00003"]);
});

test("what can be undone is done to several records without a question", async ({ page }) => {
  const company = await newCompany();
  const { products } = company.tessera.catalog;
  for (const sku of ["T-1", "T-2"])
    await products.createProduct({
      product: { sku, name: `Teapot ${sku}`, unit: "piece", price: { currencyCode: "EUR", units: 19n } },
    });
  await signIn(page, company);
  await page.goto(`${pageUrl()}/catalog/products`);
  await page.getByLabel("Select all loaded rows").check();
  const bar = page.getByRole("region", { name: "Actions" });
  await bar.getByRole("button", { name: "Activate product", exact: true }).click();
  await expect(page.locator(".grid-row.at").getByText("Yes", { exact: true })).toHaveCount(2);
  // Rows may show what was done before all of it is; then nothing is selected any more.
  await expect(bar).toBeHidden();
  await page.getByLabel("Select all loaded rows").check();
  await bar.getByRole("button", { name: "Deactivate product" }).click();
  await expect(page.getByRole("dialog")).toContainText("This cannot be undone.");
});

test("an export has all rows that match, not only those that are loaded", async ({ page }) => {
  test.setTimeout(300_000);
  const company = await newCompany();
  await createAccounts(company, 1_100);
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts?order=code`);
  await expect(page.getByText("1,100 records")).toBeVisible();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Export" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe("accounts.csv");
  const text = await readFile(await file.path(), "utf8");
  // Spreadsheets know by its first character how it is encoded.
  expect(text).toMatch(/^\ufeffid,Name,/);
  const lines = text.trim().split("\r\n");
  expect(lines).toHaveLength(1_101);
  expect(new Set(lines.slice(1).map((line) => /K-\d{5}/.exec(line)?.[0])).size).toBe(1_100);
  expect(lines[1]).toContain("K-00000");
  expect(lines.at(-1)).toContain("K-01099");
});

test("columns that were chosen are there after a reload", async ({ page }) => {
  const company = await newCompany();
  await createAccounts(company, 1);
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts`);
  const column = (name: string) => page.getByRole("columnheader", { name, exact: true });
  await expect(column("Code")).toBeVisible();
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Columns" }).click();
  await page.getByLabel("Code", { exact: true }).uncheck();
  await page.getByLabel("Domain", { exact: true }).check();
  await expect(column("Domain")).toBeVisible();
  await page.reload();
  await expect(column("Domain")).toBeVisible();
  await expect(column("Code")).toHaveCount(0);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Columns" }).click();
  await page.getByRole("button", { name: "Usual columns" }).click();
  await expect(column("Code")).toBeVisible();
});

test("a phone sorts and selects", async ({ page }) => {
  // And its hidden head takes no focus.
  const company = await newCompany();
  await createAccounts(company, 3);
  await page.setViewportSize({ width: 360, height: 740 });
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts`);
  await expect(page.locator(".grid-row.at")).toHaveCount(3);
  await expect(page.locator(".sort")).toHaveCount(0);
  const sort = async () => {
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitemradio", { name: "Sort by Code" }).click();
  };
  await sort();
  await expect(page.locator(".grid-row.at").first()).toContainText("K-00000");
  await sort();
  await expect(page.locator(".grid-row.at").first()).toContainText("K-00002");
  await page.getByLabel("Select Account K-00001").check();
  await expect(page.getByRole("region", { name: "Actions" })).toContainText("1 selected");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
});

test("a picker finds what was made long ago where nothing can be searched", async ({ page }) => {
  test.setTimeout(300_000);
  const company = await newCompany();
  const { warehouses } = company.tessera.inventory;
  await warehouses.createWarehouse({ warehouse: { code: "OLD", name: "Speicher am Hafen" } });
  const numbers = Array.from({ length: 220 }, (_, number) => number);
  for (let first = 0; first < numbers.length; first += 20)
    await Promise.all(
      numbers
        .slice(first, first + 20)
        .map((number) => warehouses.createWarehouse({ warehouse: { code: `W-${number}`, name: `Lager ${number}` } })),
    );
  await signIn(page, company);
  await page.goto(`${pageUrl()}/inventory/reservations/new`);
  await page.getByRole("textbox", { name: "Warehouse" }).fill("hafen");
  await expect(page.getByRole("option", { name: "Speicher am Hafen" })).toBeVisible();
});
