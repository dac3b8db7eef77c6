import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "@playwright/test";
import type { Page } from "@playwright/test";
import type { AxeResults } from "axe-core";
import { pageUrl } from "../company";
import { makeOrder, makeProduct, newCompany, Rest, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const button = (name: string | RegExp) => (page: Page) => page.getByRole("button", { name }).first().click();

/** What opens over a screen: where, and how. */
const OVERLAYS: readonly (readonly [path: string, open: (page: Page) => Promise<void>])[] = [
  ["/stock", (page) => page.getByRole("row", { name: "Bicycle" }).getByRole("button").click()],
  ["/events", (page) => page.getByTestId("tail").getByRole("button").first().click()],
  ["/access?view=roles", button("New role")],
  ["/access?view=keys", button("New API key")],
  ["/access?view=keys", button("Rotate")],
  ["/access?view=keys", button("End")],
  ["/access?view=sessions", button("Sign out everywhere")],
  ["/", button(/^Company: /)],
  ["/", button(/User menu/)],
  [
    "/",
    async (page) => {
      await button(/^Company: /)(page);
      await page.getByRole("menuitem", { name: "Company settings" }).click();
    },
  ],
  ...["My settings", "Change the password"].map(
    (name) =>
      [
        "/",
        async (page: Page) => {
          await button(/User menu/)(page);
          await page.getByRole("menuitem", { name }).click();
        },
      ] as const,
  ),
];

for (const colorScheme of ["light", "dark"] as const) {
  test(`no drawer, dialog or menu has a serious violation in ${colorScheme}`, async ({ browser, request }) => {
    test.setTimeout(240_000);
    const context = await browser.newContext({ colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    const company = newCompany();
    await signUp(page, company);
    const rest = await Rest.of(request, company);
    await makeOrder(rest, await makeProduct(rest, "Bicycle", "4"));
    await rest.post("api-keys", { displayName: "Web shop", scopes: ["crm.accounts.read"] });
    const found: string[] = [];
    for (const [path, open] of OVERLAYS) {
      await page.goto(path);
      await open(page);
      const overlay = page.locator('[role="dialog"], [role="menu"]').filter({ visible: true }).last();
      await expect(overlay).toBeVisible();
      await expect(overlay.locator(".bone")).toHaveCount(0);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() =>
        (window as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
      );
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      found.push(...serious.map(({ id, nodes }) => `${path} ${open.toString()} ${id} ${nodes[0]?.html ?? ""}`));
    }
    expect(found).toEqual([]);
    await context.close();
  });
}
