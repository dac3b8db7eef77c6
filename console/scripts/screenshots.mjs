// Pictures of the main screens, light and dark, wide and narrow, for people to look at. Needs a console in front of a
// suite with the demo data: TESSERA_PAGE, TESSERA_USER and TESSERA_PASSWORD.
import { mkdirSync } from "node:fs";
import { chromium } from "@playwright/test";

const base = process.env.TESSERA_PAGE ?? "http://127.0.0.1:8080";
const user = process.env.TESSERA_USER ?? "demo@tessera.example";
const password = process.env.TESSERA_PASSWORD;
/** What the palette is shown with; the demo company has an account of that name. */
const sought = process.env.TESSERA_FIND ?? "garda";
if (!password) {
  console.error("screenshots: set TESSERA_PASSWORD to the one that `make up` has printed");
  process.exit(2);
}
const out = new URL("../screenshots/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const screens = [
  ["home", "/"],
  ["accounts", "/crm/accounts"],
  ["orders", "/orders/orders"],
  ["order", "first:/orders/orders"],
  ["invoices", "/finance/invoices"],
  ["product", "first:/catalog/products"],
  ["place-order", "/orders/orders/new"],
  ["new-account", "/crm/accounts/new"],
  ["account", "first:/crm/accounts"],
  ["invoice", "first:/finance/invoices"],
  ["ledger", "/ledger"],
  ["journal", "/ledger?view=journal"],
  ["stock", "/stock"],
  ["events", "/events"],
  ["flow", "/events?view=flow"],
  ["users", "/access"],
  ["roles", "/access?view=roles"],
  ["sessions", "/access?view=sessions"],
  ["api", "/explorer?method=erp.crm.v1.AccountService%2FCreateAccount"],
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"],
});
for (const [kind, colorScheme, width, height, locale] of [
  ["light", "light", 1280, 800, "en-GB"],
  ["dark", "dark", 1280, 800, "en-GB"],
  ["phone", "light", 360, 740, "en-GB"],
  ["german", "light", 1280, 800, "de-DE"],
]) {
  const context = await browser.newContext({ colorScheme, locale, viewport: { width, height } });
  const page = await context.newPage();
  await page.goto(`${base}/login`);
  await page.locator("input[name=email]").waitFor();
  await page.screenshot({ path: `${out}login-${kind}.png` });
  await page.fill("input[name=email]", user);
  await page.fill("input[name=password]", password);
  await page.keyboard.press("Enter");
  await page.locator(".rail a").first().waitFor({ state: "attached" });
  for (const [name, path] of screens) {
    await page.goto(base + path.replace("first:", ""));
    if (path.startsWith("first:")) await page.locator(".grid-row.at a").first().click();
    await page.locator("h1, h2").filter({ visible: true }).first().waitFor();
    await page.waitForFunction(() => document.querySelector(".bone") === null);
    await page.screenshot({ path: `${out}${name}-${kind}.png` });
  }
  await page.keyboard.press("Control+k");
  await page.keyboard.type(sought);
  await page.locator(".mantine-Spotlight-action").first().waitFor();
  await page.screenshot({ path: `${out}palette-${kind}.png` });
  await context.close();
}
await browser.close();
console.log(`screenshots: ${out}`);
