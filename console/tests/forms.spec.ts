import { expect, test } from "@playwright/test";
import { createAccounts, draftIsKept, newCompany, pageUrl, signIn } from "./company";

test("a change that somebody else made before a reload is not undone", async ({ page }) => {
  // The draft comes back as a change of the version that it began with, so that saving finds the conflict.
  const company = await newCompany();
  const { accounts } = company.tessera.crm;
  const { id } = await accounts.createAccount({ account: { displayName: "Hafen KG", domain: "alt.example" } });
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts/${id}/edit`);
  await page.getByLabel("Name").fill("Hafen KG, mine");
  await draftIsKept(page);
  await accounts.updateAccount({ account: { id, domain: "neu.example" }, updateMask: { paths: ["domain"] } });
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await expect(page.getByText("What you had typed is back.")).toBeVisible();
  await page.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog", { name: "Somebody else changed this record" });
  await expect(dialog.getByText("neu.example")).toBeVisible();
  await dialog.getByRole("button", { name: "Save this version" }).click();
  await expect(page.getByRole("heading", { name: "Hafen KG, mine" })).toBeVisible();
  expect((await accounts.getAccount({ id })).domain).toBe("neu.example");
});

test("discarding what came back begins with the newest version", async ({ page }) => {
  const company = await newCompany();
  const { accounts } = company.tessera.crm;
  const { id } = await accounts.createAccount({ account: { displayName: "Hafen KG" } });
  await signIn(page, company);
  await page.goto(`${pageUrl()}/crm/accounts/${id}/edit`);
  await page.getByLabel("Name").fill("Hafen KG, mine");
  await draftIsKept(page);
  await accounts.updateAccount({ account: { id, displayName: "Werft KG" }, updateMask: { paths: ["display_name"] } });
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await page.getByRole("button", { name: "Discard" }).click();
  await expect(page.getByLabel("Name")).toHaveValue("Werft KG");
  await page.getByLabel("Name").fill("Werft AG");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Werft AG" })).toBeVisible();
});

test("an API key made where the keys are listed is not lost", async ({ page, request }) => {
  // Its text is shown this once, and works.
  const company = await newCompany();
  await signIn(page, company);
  await page.goto(`${pageUrl()}/identity/api-keys`);
  await page.getByRole("link", { name: "New", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  await dialog.getByLabel("Name").fill("Web shop");
  await dialog.getByRole("combobox", { name: "Scopes" }).fill("crm.accounts.read");
  await page.getByRole("option", { name: "crm.accounts.read" }).click();
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Create" }).click();
  const key = (await page.getByTestId("secret").textContent()) ?? "";
  const response = await request.get(`${pageUrl()}/api/v1/accounts`, { headers: { "x-api-key": key } });
  expect(response.status()).toBe(200);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.getByRole("link", { name: "Web shop" }).click();
  // Its record gives it another text, which is shown as well.
  await page.getByRole("button", { name: /Rotate/ }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /Rotate/ })
    .click();
  await expect(page.getByTestId("secret")).toHaveText(/^tsk_/);
  expect(await page.getByTestId("secret").textContent()).not.toBe(key);
});

test("a method of a record asks only for what cannot be undone, and shows its form", async ({ page }) => {
  const company = await newCompany();
  const { products } = company.tessera.catalog;
  const { id } = await products.createProduct({
    product: { sku: "T-1", name: "Teapot", unit: "piece", price: { currencyCode: "EUR", units: 19n } },
  });
  await signIn(page, company);
  await page.goto(`${pageUrl()}/catalog/products/${id}`);
  await page.getByRole("button", { name: "Activate product", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: "Activate product", exact: true })).toBeVisible();
  await expect(dialog.getByText("This cannot be undone.")).toHaveCount(0);
  await dialog.getByRole("button", { name: "Activate product", exact: true }).click();
  await expect(page.getByText("Done: Activate product")).toBeVisible();
  await page.getByRole("button", { name: "Deactivate product" }).click();
  await expect(dialog.getByText("This cannot be undone.")).toBeVisible();
  await dialog.getByRole("button", { name: "Cancel", exact: true }).click();
  // A method with a form of its own.
  const user = await company.tessera.identity.users.createUser({
    user: { email: company.email.replace("owner", "clerk"), displayName: "Karl Clerk" },
    password: company.password,
  });
  await page.goto(`${pageUrl()}/identity/users/${user.id}`);
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Set user password" }).click();
  await dialog.getByRole("button", { name: "Set user password" }).click();
  await expect(dialog.getByText("This is needed.")).toBeVisible();
  await dialog.getByRole("textbox", { name: "Password" }).fill("another-long-password");
  await dialog.getByRole("button", { name: "Set user password" }).click();
  await expect(dialog).toHaveCount(0);
});

test("an order that is being written asks before it is left, and is forgotten then", async ({ page }) => {
  const company = await newCompany();
  await createAccounts(company, 1);
  await signIn(page, company);
  await page.goto(`${pageUrl()}/orders/orders/new`);
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Orders", level: 1 })).toBeVisible();
  await page.getByRole("link", { name: "Place order" }).click();
  await page.getByRole("textbox", { name: "Account" }).fill("K-0");
  await page.getByRole("option", { name: "Account K-00000" }).click();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Stay" }).click();
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await expect(page.getByRole("textbox", { name: "Account" })).toHaveValue("Account K-00000");
  await page.getByRole("button", { name: "Discard" }).click();
  await expect(page.getByRole("textbox", { name: "Account" })).toHaveValue("");
  await page.getByLabel("Customer e-mail").fill("a@kunde.example");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("link", { name: "Place order" }).click();
  await expect(page.getByLabel("Customer e-mail")).toHaveValue("");
});

test("what is wrong with a picked record is said once, at its input", async ({ page }) => {
  const company = await newCompany();
  await signIn(page, company);
  await page.goto(`${pageUrl()}/inventory/reservations/new`);
  const submit = page.locator("form").getByRole("button").last();
  await submit.click();
  await expect(page.getByText("This is needed.").first()).toBeVisible();
  await expect(page.getByRole("alert").locator("code")).toHaveCount(0);
});

test("signing out everywhere tells when it fails", async ({ page }) => {
  // The session stays, so that it can be tried again.
  const company = await newCompany();
  await signIn(page, company);
  await page.route("**/LogoutAll", (route) => route.abort());
  const everywhere = async () => {
    await page.getByRole("button", { name: /User menu/ }).click();
    await page.getByRole("menuitem", { name: "Sign out everywhere" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" }).click();
  };
  await everywhere();
  await expect(page.getByRole("alert").first()).toBeVisible();
  await expect(page.locator(".tenant")).toBeVisible();
  await page.unroute("**/LogoutAll");
  await everywhere();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("whoever is about to sign in sees the login and nothing before it", async ({ page }) => {
  await page.addInitScript(() => {
    new MutationObserver(() => {
      if (document.querySelector(".shell")) document.documentElement.dataset["flash"] = "yes";
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(`${pageUrl()}/crm/accounts`);
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await expect(page.locator("html")).not.toHaveAttribute("data-flash", "yes");
});
