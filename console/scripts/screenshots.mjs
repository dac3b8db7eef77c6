// Pictures of the main screens, light and dark, wide and narrow, for people to look at: of a suite of its own with the
// demo data, in which something went wrong, too; or of a running one (TESSERA_PAGE, TESSERA_USER, TESSERA_PASSWORD), in
// which nothing is changed.
import { mkdirSync } from "node:fs";
import { chromium } from "@playwright/test";
import { caller, openSuite } from "./own-suite.mjs";

/** What the palette is shown with; the demo company has an account of that name. */
const sought = process.env.TESSERA_FIND ?? "garda";
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
  ["dead-letters", "/events?view=dead"],
  ["keys", "/access?view=keys"],
  ["sessions", "/access?view=sessions"],
  ["api", "/explorer?method=erp.crm.v1.AccountService%2FCreateAccount"],
];

const { base, user, password, own, end } = await openSuite();
const call = caller(base, user, password);
try {
  await take();
} finally {
  await end();
}
console.log(`screenshots: ${out}`);

async function take() {
  const more = own ? [["failed-order", `/orders/orders/${await trouble()}`]] : [];
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
    for (const [name, path] of [...screens, ...more]) {
      await page.goto(base + path.replace("first:", ""));
      if (path.startsWith("first:")) await page.locator(".grid-row.at a").first().click();
      await page.locator("h1, h2").filter({ visible: true }).first().waitFor();
      await page.waitForFunction(() => document.querySelector(".bone") === null);
      await page.screenshot({ path: `${out}${name}-${kind}.png` });
    }
    if (own) await conflict(page, `${out}conflict-${kind}.png`);
    await page.keyboard.press("Control+k");
    await page.keyboard.type(sought);
    await page.locator(".mantine-Spotlight-action").first().waitFor();
    await page.screenshot({ path: `${out}palette-${kind}.png` });
    await context.close();
  }
  await browser.close();
}

/** Keys, an order whose card is declined, and an event that finance gives up on; answers the order. */
async function trouble() {
  for (const displayName of ["Web shop", "Warehouse scanner"])
    await call("POST", "api-keys", { displayName, scopes: ["crm.accounts.read", "orders.*"] });
  const { accounts } = await call("GET", "accounts?pageSize=1");
  const filter = encodeURIComponent('active = true AND price.currency_code = "EUR"');
  const { products } = await call("GET", `products?pageSize=1&filter=${filter}`);
  const productId = products[0].id;
  await call("POST", "stock-moves:receive", { lines: [{ productId, quantity: { value: "10" } }] });
  const place = (paymentMethod) =>
    call("POST", "orders", {
      accountId: accounts[0].id,
      currencyCode: "EUR",
      paymentMethod,
      lines: [{ productId, quantity: { value: "1" } }],
    });
  const { id } = await place("card_declined");
  await until(async () => (await call("GET", `orders/${id}`)).state === "ORDER_STATE_FAILED");
  const { ledgerAccounts } = await call("GET", `ledger-accounts?filter=${encodeURIComponent("role = RECEIVABLE")}`);
  const block = (blocked) => call("PATCH", `ledger-accounts/${ledgerAccounts[0].id}?updateMask=blocked`, { blocked });
  await block(true);
  await place("card_ok");
  await until(async () => (await call("GET", "dead-letters")).deadLetters?.length > 0);
  await block(false);
  return id;
}

async function until(holds) {
  const end = Date.now() + 120_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error("the suite does not come to what the pictures are of");
    await new Promise((wake) => setTimeout(wake, 500));
  }
}

/** Two change the same account: the one in the browser comes second. */
async function conflict(page, path) {
  const { accounts } = await call("GET", "accounts?pageSize=1");
  const { id, displayName } = accounts[0];
  await page.goto(`${base}/crm/accounts/${id}/edit`);
  const name = page.locator('[data-field$="display_name"]').locator("xpath=descendant-or-self::input").first();
  await name.fill(`${displayName} AG`);
  await call("PATCH", `accounts/${id}?updateMask=displayName`, { displayName: `${displayName} GmbH` });
  await page.locator('form.form button[type="submit"]').click();
  await page.locator('[role="dialog"] .conflict').waitFor();
  await page.screenshot({ path });
  await call("PATCH", `accounts/${id}?updateMask=displayName`, { displayName });
  // What was typed is given up, so that nothing asks on the way out.
  await page.locator('[role="dialog"] .form-foot button').first().click();
  await page.locator("main h1").waitFor();
}
