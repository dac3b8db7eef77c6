import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "@playwright/test";
import type { APIRequestContext, Page } from "@playwright/test";
import type { AxeResults } from "axe-core";
import { pageUrl } from "../company";
import { makeOrder, makeProduct, newCompany, Rest, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENS = [
  "/",
  "/orders/orders",
  "/orders/orders/new",
  "/finance/invoices",
  "/inventory/stock-moves",
  "/audit/audit-entries",
  "/ledger",
  "/ledger?view=journal",
  "/stock",
  "/events",
  "/events?view=flow",
  "/events?view=dead",
  "/access",
  "/access?view=roles",
  "/access?view=sessions",
  "/access?view=keys",
  "/explorer?method=erp.crm.v1.AccountService%2FCreateAccount",
];

/** Signs up a company that has something to show; answers its screens, and pages of records. */
async function lively(page: Page, request: APIRequestContext): Promise<string[]> {
  const company = newCompany();
  await signUp(page, company);
  const rest = await Rest.of(request, company);
  const product = await makeProduct(rest, "Green bicycle", "4");
  const order = await makeOrder(rest, product);
  const { invoices } = await rest.get<{ invoices: { id: string }[] }>("invoices");
  return [
    ...SCREENS,
    `/orders/orders/${order}`,
    `/catalog/products/${product}`,
    `/catalog/products/${product}/edit`,
    `/finance/invoices/${invoices[0]?.id ?? ""}`,
  ];
}

async function shown(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await expect(page.locator("main").locator("h1, h2").filter({ visible: true }).first()).toBeVisible();
  await expect(page.locator("main .bone")).toHaveCount(0);
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`no screen has a serious violation in ${colorScheme}`, async ({ browser, request }) => {
    test.setTimeout(300_000);
    const context = await browser.newContext({ colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    const found: string[] = [];
    for (const path of await lively(page, request)) {
      await shown(page, path);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() =>
        (window as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
      );
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      // Nor has it parts that the browser draws as it likes, because their styles came with another page only.
      const bare = await page
        .locator("main")
        .locator("input, select, textarea, button")
        .evaluateAll((all) =>
          all.filter((one) => /inset|outset/.test(getComputedStyle(one).borderTopStyle)).map((one) => one.outerHTML),
        );
      found.push(...bare.map((html) => `${path} bare ${html}`));
      found.push(...serious.map(({ id, nodes }) => `${path} ${id} ${nodes[0]?.html ?? ""}`));
    }
    expect(found).toEqual([]);
    await context.close();
  });
}

test("no screen is wider than a phone", async ({ browser, request }) => {
  test.setTimeout(300_000);
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  const wide: string[] = [];
  for (const path of await lively(page, request)) {
    await shown(page, path);
    const [width, room] = await page.evaluate(() => {
      const main = document.querySelector("main");
      return [main?.scrollWidth ?? 0, main?.clientWidth ?? 0];
    });
    if (width > room) wide.push(`${path}: ${width} of ${room}`);
  }
  expect(wide).toEqual([]);
  await context.close();
});
