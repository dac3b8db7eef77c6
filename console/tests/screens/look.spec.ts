import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "@playwright/test";
import type { AxeResults } from "axe-core";
import { pageUrl } from "../company";
import { newCompany, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENS = [
  "/",
  "/orders/orders/new",
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

for (const colorScheme of ["light", "dark"] as const) {
  test(`no screen has a serious violation in ${colorScheme}`, async ({ browser }) => {
    const context = await browser.newContext({ colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    await signUp(page, newCompany());
    for (const path of SCREENS) {
      await page.goto(path);
      await expect(page.locator("main h1").first()).toBeVisible();
      await expect(page.locator("main .bone")).toHaveCount(0);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() =>
        (window as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
      );
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(serious.map(({ id, nodes }) => `${path} ${id} ${nodes[0]?.html ?? ""}`)).toEqual([]);
    }
    await context.close();
  });
}

test("no screen is wider than a phone", async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  await signUp(page, newCompany());
  for (const path of SCREENS) {
    await page.goto(path);
    await expect(page.locator("main .bone")).toHaveCount(0);
    const [width, shown] = await page.evaluate(() => {
      const main = document.querySelector("main");
      return [main?.scrollWidth ?? 0, main?.clientWidth ?? 0];
    });
    expect(width, path).toBeLessThanOrEqual(shown);
  }
  await context.close();
});
