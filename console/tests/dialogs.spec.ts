import { expect, test } from "@playwright/test";
import type { Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { newCompany, pageUrl, signIn } from "./company";

const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** What axe finds to be a serious barrier on the page as it is now. */
async function barriers(page: Page): Promise<string[]> {
  // What comes and goes smoothly has other colours on its way.
  await page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== "running"));
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(" | ")}`);
  });
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`no dialog has a serious barrier, ${colorScheme}`, async ({ browser }) => {
    const company = await newCompany();
    const { accounts } = company.tessera.crm;
    const { id } = await accounts.createAccount({ account: { displayName: "Hafen KG", code: "H-1" } });
    const product = await company.tessera.catalog.products.createProduct({
      product: { sku: "T-1", name: "Teapot", unit: "piece", price: { currencyCode: "EUR", units: 19n } },
    });
    const context = await browser.newContext({ colorScheme, locale: "en-GB", viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const found: string[] = [];
    const look = async (what: string) => found.push(...(await barriers(page)).map((one) => `${what} ${one}`));
    await signIn(page, company);

    await page.goto(`${pageUrl()}/crm/accounts`);
    await expect(page.getByRole("link", { name: "Hafen KG" })).toBeVisible();
    await page.getByRole("button", { name: "Filter", exact: true }).click();
    await expect(page.getByLabel("Field")).toBeVisible();
    await look("filter");
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("Find records, pages and actions").fill("Hafen");
    await expect(page.getByRole("button", { name: /Hafen KG/ })).toBeVisible();
    await look("palette");
    await page.keyboard.press("Escape");
    await expect(page.getByPlaceholder("Find records, pages and actions")).toHaveCount(0);
    await page.getByRole("button", { name: "More" }).click();
    await expect(page.getByRole("menuitemcheckbox", { name: "Show deleted" })).toBeVisible();
    await look("menu of the list");
    await page.keyboard.press("Escape");
    await page.locator("h1").click();
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
    await look("key map");

    await page.goto(`${pageUrl()}/catalog/products/${product.id}`);
    await page.getByRole("button", { name: "Deactivate product" }).click();
    await expect(page.getByRole("dialog").getByText("This cannot be undone.")).toBeVisible();
    await look("action");

    await page.goto(`${pageUrl()}/crm/accounts/${id}/edit`);
    await page.getByLabel("Name").fill("Hafen KG, mine");
    await accounts.updateAccount({ account: { id, code: "H-2" }, updateMask: { paths: ["code"] } });
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("dialog", { name: "Somebody else changed this record" })).toBeVisible();
    await look("conflict");
    await page.getByRole("button", { name: "Discard mine" }).click();
    await page.getByRole("button", { name: "Actions" }).click();
    await expect(page.getByRole("menuitem", { name: "Delete" })).toBeVisible();
    await look("menu");
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await expect(page.getByRole("dialog", { name: /^Delete Hafen KG/ })).toBeVisible();
    await look("question");
    expect(found).toEqual([]);
    await context.close();
  });
}
