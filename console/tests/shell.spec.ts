import { expect, test } from "@playwright/test";
import type { Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { createServer, connect as connectTo } from "node:net";
import type { Server, Socket } from "node:net";
import { once } from "node:events";
import { newCompany, pageUrl, signIn, suiteUrl } from "./company";
import { freePort, startPreview } from "./suite";

const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

test("the keyboard alone is enough", async ({ page }) => {
  // Find, create, save, go back, open, edit: no pointer is used.
  const company = await newCompany();
  await company.tessera.crm.accounts.createAccount({ account: { displayName: "Erste GmbH" } });
  await page.goto(`${pageUrl()}/login`);
  await expect(page.getByLabel("E-mail")).toBeFocused();
  await page.keyboard.type(company.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(company.password);
  await page.keyboard.press("Enter");
  await expect(page.locator(".tenant")).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Find records, pages and actions").waitFor();
  await page.keyboard.type("Erste");
  await expect(page.getByRole("button", { name: /Erste GmbH/ })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Erste GmbH" })).toBeVisible();
  await page.keyboard.press("u");
  await expect(page.getByRole("heading", { name: "Accounts" })).toBeVisible();
  await expect(page).toHaveTitle("Accounts · Tessera");
  await page.keyboard.press("n");
  await expect(page.getByLabel("Name")).toBeFocused();
  await page.keyboard.type("Zweite GmbH");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("heading", { name: "Zweite GmbH" })).toBeVisible();
  await expect(page).toHaveTitle("Zweite GmbH · Tessera");
  // With a modifier it is another key, which the browser has a use for.
  await page.keyboard.press("Alt+e");
  await expect(page.getByRole("heading", { name: "Zweite GmbH", exact: true })).toBeVisible();
  await page.keyboard.press("u");
  await expect(page.getByRole("link", { name: "Zweite GmbH" })).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Erste GmbH" })).toBeVisible();
  await page.keyboard.press("e");
  await expect(page.getByRole("heading", { name: "Edit Erste GmbH" })).toBeVisible();
  await expect(page).toHaveTitle("Edit Erste GmbH · Tessera");
  await expect(page.getByLabel("Name")).toBeFocused();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("Dritte GmbH");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("heading", { name: "Dritte GmbH", exact: true })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Find records, pages and actions").waitFor();
  await page.keyboard.press("Escape");
  await expect(page.getByPlaceholder("Find records, pages and actions")).toHaveCount(0);
  await page.keyboard.press("g");
  await page.keyboard.press("h");
  await expect(page.getByRole("heading", { name: "Nordwind GmbH" })).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
});

test("what is typed before the palette is there is looked for", async ({ page }) => {
  // The palette is loaded with its first use: whoever types on must not lose letters, nor set off what they do in a list.
  const company = await newCompany();
  await company.tessera.crm.accounts.createAccount({ account: { displayName: "Jutta Eilig KG" } });
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts`);
  await expect(page.getByRole("link", { name: "Jutta Eilig KG" })).toBeVisible();
  await page.route(/Palette/, async (route) => {
    await new Promise((done) => setTimeout(done, 700));
    await route.continue();
  });
  await page.keyboard.press("Control+k");
  await page.keyboard.type("juttax");
  await page.keyboard.press("Backspace");
  await expect(page.getByPlaceholder("Find records, pages and actions")).toHaveValue("jutta");
  await page.keyboard.type(" eilig");
  await expect(page.getByPlaceholder("Find records, pages and actions")).toHaveValue("jutta eilig");
  await expect(page.getByRole("button", { name: /Jutta Eilig KG/ })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.press("Escape");
  await expect(page.getByPlaceholder("Find records, pages and actions")).toHaveCount(0);
  // Keys do what they always do again.
  await page.keyboard.press("n");
  await expect(page.getByLabel("Name")).toBeFocused();
});

test("a phone's width is enough", async ({ page }) => {
  // Nothing is wider than the screen, and the navigation opens over the page.
  const company = await newCompany();
  const account = await company.tessera.crm.accounts.createAccount({
    account: { displayName: "Hafen KG", code: "H-1" },
  });
  await page.setViewportSize({ width: 360, height: 740 });
  await signIn(page, company);
  for (const path of [
    "/",
    "/crm/accounts",
    `/crm/accounts/${account.id}`,
    `/crm/accounts/${account.id}/edit`,
    "/orders/orders/new",
  ]) {
    await page.goto(`${pageUrl()}${path}`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(360);
    expect(await page.locator("main").evaluate((main) => main.scrollWidth), path).toBeLessThanOrEqual(360);
  }
  await page.getByRole("button", { name: "Open navigation" }).click();
  await page.getByRole("navigation").getByRole("link", { name: "Contacts" }).click();
  await expect(page.getByRole("heading", { name: "Contacts" })).toBeVisible();
});

test("German is German", async ({ browser }) => {
  // A browser that asks for German gets German texts, names, amounts and errors.
  const company = await newCompany();
  const context = await browser.newContext({ locale: "de-DE", viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(`${pageUrl()}/login`);
  await page.getByLabel("E-Mail").fill(company.email);
  await page.getByLabel("Passwort").fill("falsch");
  await page.getByRole("button", { name: "Anmelden" }).click();
  await expect(page.getByRole("alert")).toContainText("Die E-Mail-Adresse oder das Passwort stimmt nicht.");
  await page.getByLabel("Passwort").fill(company.password);
  await page.getByRole("button", { name: "Anmelden" }).click();
  await page.getByRole("navigation").getByRole("link", { name: "Firmen" }).click();
  await expect(page.getByText("Noch keine Firmen")).toBeVisible();
  await page.goto(`${pageUrl()}/crm/accounts/new`);
  await page.getByRole("button", { name: "Anlegen" }).click();
  await expect(page.getByText("Das wird gebraucht.")).toBeVisible();
  await expect(page.getByLabel("Kundennummer")).toBeVisible();
  await context.close();
});

test("an expired session in the middle of a form loses no input", async ({ page }) => {
  // All sessions are ended elsewhere; the page asks for the password and goes on where it was.
  const company = await newCompany();
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts/new`);
  await page.getByLabel("Name").fill("Mitten drin KG");
  await company.tessera.identity.auth.logoutAll({});
  await expireAccess(page);
  await page.getByRole("button", { name: "Create" }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await expect(dialog).toBeVisible();
  await dialog.getByLabel("Password").fill(company.password);
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByLabel("Name")).toHaveValue("Mitten drin KG");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("heading", { name: "Mitten drin KG" })).toBeVisible();
});

/** Makes the access token one that has to be renewed now, as it is after a quarter of an hour. */
async function expireAccess(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.open("tessera-console");
        request.onsuccess = () => {
          const table = request.result.transaction("tokens", "readwrite").objectStore("tokens");
          const read = table.get("current");
          read.onsuccess = () => {
            const write = table.put({ ...(read.result as object), renewAt: 0 }, "current");
            write.onsuccess = () => {
              request.result.close();
              resolve();
            };
          };
        };
        request.onerror = () => reject(new Error("no tokens"));
      }),
  );
}

/** A way to the suite that can be cut. */
class Way {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(
    readonly port: number,
    private readonly target: URL,
  ) {}

  async open(): Promise<void> {
    this.#server = createServer((socket) => {
      const onwards = connectTo(Number(this.target.port), this.target.hostname);
      for (const one of [socket, onwards]) {
        this.#sockets.add(one);
        one.on("error", () => undefined);
        one.on("close", () => {
          socket.destroy();
          onwards.destroy();
        });
      }
      socket.pipe(onwards).pipe(socket);
    }).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async cut(): Promise<void> {
    const closed = this.#server && once(this.#server, "close");
    this.#server?.close();
    this.#sockets.forEach((socket) => socket.destroy());
    await closed;
  }
}

test("a gateway that is gone comes back, and nothing was lost", async ({ page }) => {
  // A calm word while it is away; what was typed is saved when it is there again.
  const started: (() => Promise<void>)[] = [];
  const way = new Way(await freePort(), new URL(suiteUrl()));
  try {
    await way.open();
    const base = await startPreview(started, `http://127.0.0.1:${way.port}`);
    const company = await newCompany();
    await signIn(page, company, base);
    await page.goto(`${base}/crm/accounts/new`);
    await page.getByLabel("Name").fill("Wartet KG");
    await way.cut();
    await page.getByRole("button", { name: "Create" }).click();
    await expect(page.locator(".banner")).toContainText("The server cannot be reached.");
    // The call has given up, else it would be sent once more as soon as the way is open again.
    await expect(page.locator("form").getByRole("alert")).toContainText("The server cannot be reached.");
    await expect(page.getByLabel("Name")).toHaveValue("Wartet KG");
    await way.open();
    await expect(page.locator(".banner")).toHaveCount(0);
    await page.getByRole("button", { name: "Create" }).click();
    await expect(page.getByRole("heading", { name: "Wartet KG" })).toBeVisible();
  } finally {
    await way.cut();
    for (const stop of started) await stop();
  }
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`no page has a serious barrier, ${colorScheme}`, async ({ browser }) => {
    // Every list, form and record page of every resource that has one, and the pages before signing in.
    test.setTimeout(600_000);
    const company = await newCompany();
    const account = await company.tessera.crm.accounts.createAccount({
      account: { displayName: "Hafen KG", billingAddress: { regionCode: "DE", locality: "Kiel" }, labels: { a: "b" } },
    });
    const context = await browser.newContext({ colorScheme, locale: "en-GB", viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const found: string[] = [];
    const look = async (path: string) => {
      await page.goto(`${pageUrl()}${path}`);
      await page.locator("h1").first().waitFor();
      // The tab's stream of events keeps the network busy for good.
      await expect(page.locator(".bone")).toHaveCount(0);
      await page.evaluate(AXE);
      const violations = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
        const result = await axe.run({ resultTypes: ["violations"] });
        return result.violations
          .filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(
            ({ id, nodes }) =>
              `${id}: ${nodes
                .map((node) => node.target.join(" "))
                .slice(0, 3)
                .join(" | ")}`,
          );
      });
      found.push(...violations.map((one) => `${path} ${one}`));
    };
    await look("/login");
    await look("/signup");
    await signIn(page, company);
    const lists = await page
      .locator(".rail a")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
    expect(lists.length).toBeGreaterThan(15);
    for (const path of lists) await look(path);
    for (const path of [
      "/crm/accounts/new",
      "/catalog/products/new",
      "/orders/orders/new",
      `/crm/accounts/${account.id}`,
    ])
      await look(path);
    await look(`/crm/accounts/${account.id}/edit`);
    expect(found).toEqual([]);
    await context.close();
  });
}
