import { expect, test } from "@playwright/test";
import { newCompany, newUser, pageUrl, signIn } from "../company";

test.use({ baseURL: pageUrl() });

test("the company's settings are changed where its name stands", async ({ page }) => {
  const company = await newCompany();
  await signIn(page, company);
  await page.getByRole("button", { name: /^Company: / }).click();
  await page.getByRole("menuitem", { name: "Company settings" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Company name").fill("");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByLabel("Company name")).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Company name").fill("Südwind AG");
  await dialog.getByRole("combobox", { name: "Time zone" }).fill("Zurich");
  await page.getByRole("option", { name: "Europe/Zurich" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("button", { name: "Company: Südwind AG" })).toBeVisible();
  const { tenant } = await company.tessera.identity.auth.getCurrentUser({});
  expect(tenant).toMatchObject({ displayName: "Südwind AG", timeZone: "Europe/Zurich", locale: "" });

  await page.getByRole("button", { name: /^Company: / }).click();
  await page.getByRole("menuitem", { name: "Users and access" }).click();
  await expect(page.getByRole("heading", { name: "Access", level: 1 })).toBeVisible();
});

test("whoever may change nothing of the company sees its name only", async ({ page }) => {
  const company = await newCompany();
  await signIn(page, await newUser(company, ["crm.accounts.read"]));
  await expect(page.locator(".rail .tenant")).toHaveText("Nordwind GmbH");
  await expect(page.getByRole("button", { name: /^Company: / })).toBeHidden();
  await page.getByRole("button", { name: /User menu/ }).click();
  await expect(page.getByRole("menuitem", { name: "Change the password" })).toBeVisible();
  await expect(page.getByRole("menuitem", { name: "My settings" })).toBeHidden();
});

test("a password is changed, once the current one is right and the new one long enough", async ({ page, browser }) => {
  const company = await newCompany();
  await signIn(page, company);
  await page.getByRole("button", { name: /User menu/ }).click();
  await page.getByRole("menuitem", { name: "Change the password" }).click();
  const dialog = page.getByRole("dialog");
  const [current, next] = [dialog.getByLabel("Current password"), dialog.getByLabel("New password")];
  await current.fill("not the one");
  await next.fill("short");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(next).toHaveAttribute("aria-invalid", "true");
  await next.fill("a password of some length");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("This is not your password until now.")).toBeVisible();
  await current.fill(company.password);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText(/^The password is changed/)).toBeVisible();
  const other = await (await browser.newContext()).newPage();
  await signIn(other, { ...company, password: "a password of some length" });
  await other.context().close();
});

test("one's own region and zone are those in which one reads", async ({ page }) => {
  const company = await newCompany();
  await signIn(page, company);
  await page.getByRole("button", { name: /User menu/ }).click();
  await page.getByRole("menuitem", { name: "My settings" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Language and region" }).fill("American");
  await page.getByRole("option", { name: "American English" }).click();
  await dialog.getByRole("combobox", { name: "Time zone" }).fill("Tokyo");
  await page.getByRole("option", { name: "Asia/Tokyo" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  const { user } = await company.tessera.identity.auth.getCurrentUser({});
  expect(user).toMatchObject({ locale: "en-US", timeZone: "Asia/Tokyo" });
});
