import { randomUUID } from "node:crypto";
import { expect, test } from "@playwright/test";
import { createAccounts, draftIsKept, newCompany, newUser, ownAddress, pageUrl, signIn } from "./company";

test("a company signs up, and its session outlives a reload", async ({ page }) => {
  // Without a flash of the login; after signing out the page is closed again.
  const slug = `s-${Date.now().toString(36)}`;
  await page.setExtraHTTPHeaders(ownAddress());
  await page.goto(`${pageUrl()}/signup`);
  await page.getByLabel("Company name").fill("Südwind AG");
  await expect(page.getByLabel("Company slug")).toHaveValue("suedwind-ag");
  await page.getByLabel("Company slug").fill(slug);
  await page.getByLabel("E-mail").fill(`owner@${slug}.example`);
  await page.getByRole("textbox", { name: "Password" }).fill("correct horse battery");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.locator(".tenant")).toContainText("Südwind AG");
  const shown: string[] = [];
  page.on("framenavigated", (frame) => shown.push(frame.url()));
  await page.reload();
  await expect(page.locator(".tenant")).toContainText("Südwind AG");
  expect(shown.filter((url) => url.includes("/login"))).toEqual([]);
  await page.getByRole("button", { name: /User menu/ }).click();
  await page.getByRole("menuitem", { name: "Sign out", exact: true }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("what one may not do is not shown", async ({ page }) => {
  // A reader of accounts sees their list and nothing to change them with; an owner sees all.
  const company = await newCompany();
  await company.tessera.crm.accounts.createAccount({ account: { displayName: "Hafen KG" } });
  const reader = await newUser(company, ["crm.accounts.read"]);
  await signIn(page, reader);
  const nav = page.getByRole("navigation", { name: "Main navigation" });
  await expect(nav.getByRole("link")).toHaveText(["Home", "Access", "Accounts", "API"]);
  await page.goto(`${pageUrl()}/crm/accounts`);
  await expect(page.getByRole("link", { name: "Hafen KG" })).toBeVisible();
  await expect(page.getByRole("link", { name: "New", exact: true })).toHaveCount(0);
  await page.getByRole("link", { name: "Hafen KG" }).click();
  await expect(page.getByRole("heading", { name: "Hafen KG" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Edit" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Actions" })).toHaveCount(0);
  // Nor by its address, also where a form of its own stands there.
  for (const path of ["/crm/accounts/new", "/orders/orders/new"]) {
    await page.goto(`${pageUrl()}${path}`);
    await expect(page.getByText("There is no such page.")).toBeVisible();
  }
  await page.context().clearCookies();
  await page.evaluate(() => indexedDB.deleteDatabase("tessera-console"));
  await signIn(page, company);
  await expect(nav.getByRole("link", { name: "Invoices" })).toBeVisible();
  await page.goto(`${pageUrl()}/crm/accounts`);
  await expect(page.getByRole("link", { name: "New", exact: true })).toBeVisible();
});

test("whoever may read a record sees it change, also without the permission to read the log", async ({ page }) => {
  const company = await newCompany();
  const accounts = company.tessera.crm.accounts;
  const { id } = await accounts.createAccount({ account: { displayName: "Hafen KG" } });
  await signIn(page, await newUser(company, ["crm.accounts.read"]));
  await page.goto(`${pageUrl()}/crm/accounts/${id}`);
  await expect(page.getByRole("heading", { name: "Hafen KG" })).toBeVisible();
  // The tab listens a moment after it shows.
  await expect(async () => {
    const displayName = `Hafen ${randomUUID()}`;
    await accounts.updateAccount({ account: { id, displayName }, updateMask: { paths: ["display_name"] } });
    await expect(page.getByRole("heading", { name: displayName })).toBeVisible({ timeout: 5_000 });
  }).toPass();
});

test("a conflict on edit loses neither version", async ({ page }) => {
  // Both are shown; what is chosen is saved, and the other's change of another field stays.
  const company = await newCompany();
  const accounts = company.tessera.crm.accounts;
  const account = await accounts.createAccount({
    account: { displayName: "Hafen KG", code: "H-1", domain: "alt.example" },
  });
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts/${account.id}/edit`);
  await page.getByLabel("Name").fill("Hafen KG, mine");
  const theirs = { id: account.id, displayName: "Hafen KG, theirs", domain: "neu.example" };
  await accounts.updateAccount({ account: theirs, updateMask: { paths: ["display_name", "domain"] } });
  await page.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog", { name: "Somebody else changed this record" });
  await expect(dialog.getByText("Hafen KG, mine")).toBeVisible();
  await expect(dialog.getByText("Hafen KG, theirs")).toBeVisible();
  await expect(dialog.getByText("neu.example")).toBeVisible();
  await dialog.getByRole("button", { name: "Save this version" }).click();
  await expect(page.getByRole("heading", { name: "Hafen KG, mine" })).toBeVisible();
  const saved = await accounts.getAccount({ id: account.id });
  expect([saved.displayName, saved.domain, saved.code]).toEqual(["Hafen KG, mine", "neu.example", "H-1"]);
});

test("the history of a record tells who changed what", async ({ page }) => {
  // From the audit service, also what happens while one looks; whoever may not read it sees what the record tells.
  const company = await newCompany();
  const { accounts } = company.tessera.crm;
  const { id } = await accounts.createAccount({ account: { displayName: "Hafen KG", code: "H-1" } });
  await accounts.updateAccount({ account: { id, code: "H-2" }, updateMask: { paths: ["code"] } });
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts/${id}`);
  const history = page.getByRole("complementary", { name: "History" });
  const steps = history.locator(".timeline > li");
  await expect(steps).toHaveCount(2);
  await expect(steps.first()).toContainText("owner changed");
  await expect(steps.first()).toContainText("Code H-1 H-2");
  await expect(steps.last()).toContainText("owner created");
  // The tab listens a moment after it shows; each change is one more step.
  await expect(async () => {
    const domain = `${randomUUID()}.example`;
    await accounts.updateAccount({ account: { id, domain }, updateMask: { paths: ["domain"] } });
    await expect(steps.first()).toContainText(domain, { timeout: 5_000 });
  }).toPass();
  await page.evaluate(() => indexedDB.deleteDatabase("tessera-console"));
  await signIn(page, await newUser(company, ["crm.accounts.read"]));
  await page.goto(`${pageUrl()}/crm/accounts/${id}`);
  await expect(steps).toHaveCount(2);
  await expect(history.getByRole("alert")).toHaveCount(0);
});

test("ten thousand accounts are filtered, sorted and scrolled through", async ({ page }) => {
  // To the very end, with a bounded number of rows in the page, and back to the beginning.
  test.setTimeout(600_000);
  const company = await newCompany();
  await createAccounts(company, 10_000);
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts`);
  await expect(page.getByText("10,000 records")).toBeVisible();
  await page.getByRole("button", { name: "Code" }).click();
  await expect(page.locator(".grid-row.at").first()).toContainText("K-00000");
  const grid = page.locator(".grid");
  await expect
    .poll(
      async () => {
        await grid.evaluate((element) => element.scrollTo(0, element.scrollHeight));
        return page.locator(".grid-row.at").last().textContent();
      },
      { timeout: 300_000 },
    )
    .toContain("K-09999");
  expect(await page.locator(".grid-row.at").count()).toBeLessThan(100);
  await grid.evaluate((element) => element.scrollTo(0, 0));
  await expect(page.locator(".grid-row.at").first()).toContainText("K-00000");
  // What was left is fetched anew on the way back, and the list is as long as before.
  await grid.evaluate((element) => element.scrollTo(0, element.scrollHeight / 2));
  await expect(page.locator(".grid-row.at").first()).toContainText("K-04");
  await grid.evaluate((element) => element.scrollTo(0, 0));
  await expect(page.locator(".grid-row.at").first()).toContainText("K-00000");
  await grid.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await expect(page.locator(".grid-row.at").last()).toContainText("K-09999");
  await grid.evaluate((element) => element.scrollTo(0, 0));
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Field").selectOption("type");
  await page.getByLabel("Value").selectOption("VENDOR");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page.getByRole("group", { name: "Filter" })).toContainText(/Type is\s+Vendor/);
  await expect(page.getByText("1,000 records")).toBeVisible();
  await expect(page.locator(".grid-row.at").nth(1)).toContainText("K-00010");
});

test("what was typed survives a reload, and leaving asks first", async ({ page }) => {
  // The draft comes back; staying keeps it, leaving drops it.
  const company = await newCompany();
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts/new`);
  await page.getByLabel("Name").fill("Halb fertig");
  await draftIsKept(page);
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await expect(page.getByLabel("Name")).toHaveValue("Halb fertig");
  await page.getByRole("link", { name: "Contacts" }).click();
  await page.getByRole("button", { name: "Stay" }).click();
  await expect(page.getByLabel("Name")).toHaveValue("Halb fertig");
  await page.getByRole("link", { name: "Contacts" }).click();
  await page.getByRole("button", { name: "Leave" }).click();
  await expect(page.getByRole("heading", { name: "Contacts" })).toBeVisible();
});
