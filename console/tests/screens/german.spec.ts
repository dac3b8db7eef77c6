import { expect, test } from "@playwright/test";
import { newCompany, pageUrl, signIn } from "../company";

test.use({ baseURL: pageUrl() });

test("forms, rights and what the server refuses are told in German", async ({ page, browser }) => {
  await signIn(page, await newCompany());
  await page.getByRole("button", { name: /User menu/ }).click();
  await page.getByRole("menuitemradio", { name: "Deutsch" }).click();
  await expect(page.getByRole("navigation", { name: "Hauptnavigation" })).toBeVisible();
  await page.goto("/crm/accounts/new");
  await expect(page.getByText("Ihre eigene kurze Nummer")).toBeAttached();
  await expect(page.locator("main")).not.toContainText("The name people use");
  await page.goto("/access?view=roles");
  await expect(page.getByRole("rowheader", { name: "Aufträge: stornieren" })).toBeVisible();
  await expect(page.getByRole("rowheader", { name: "Unzustellbare Ereignisse: lesen" })).toBeVisible();

  const door = await (await browser.newContext({ locale: "de-DE" })).newPage();
  await door.goto("/signup");
  await door.locator("input[name=slug]").fill("Nicht so");
  await door.locator("input[name=companyName]").fill("Nordwind");
  await door.locator("input[name=email]").fill("kein@ort.example");
  await door.locator("input[name=password]").fill("lang genug ist es");
  await door.locator("input[name=baseCurrency]").fill("EUR");
  await door.getByRole("button", { name: "Registrieren" }).click();
  await expect(door.getByText("Das hat nicht die verlangte Form.")).toBeVisible();
  await door.context().close();
});
