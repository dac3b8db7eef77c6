import { expect, test } from "@playwright/test";
import { pageUrl } from "../company";
import { choose, makeProduct, newCompany, Rest, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

test("a new company orders, watches its order finish, and finds it in even books", async ({ page, request }) => {
  const company = newCompany();
  await signUp(page, company);
  const rest = await Rest.of(request, company);
  await makeProduct(rest, "Blue bicycle", "10");

  await page.goto("/crm/accounts/new");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Brook Traders");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Brook Traders" })).toBeVisible();

  await page.goto("/orders/orders/new");
  await choose(page, "Account", "Brook Traders");
  await page.getByLabel("Means of payment").fill("card_ok");
  await choose(page, "Product", "Blue bicycle");
  await expect(page.getByText("10 available")).toBeVisible();
  await page.getByLabel("Quantity").fill("3");
  await expect(page.getByTestId("order-total")).toHaveText("€59.97");
  await page.getByRole("button", { name: "Place the order" }).click();

  // From here on nobody reloads: what is seen comes over the tab's stream.
  await expect(page).toHaveURL(/\/orders\/orders\/[0-9a-f-]{36}$/);
  await expect(page.locator('[data-step="NOTIFY"][data-state="DONE"]')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("status").getByText("Completed")).toBeVisible();
  await expect(page.getByRole("row", { name: /Total/ }).getByText("€59.97")).toBeVisible();
  await page.locator('[data-step="POST_INVOICE"]').getByRole("link").click();
  await expect(page).toHaveURL(/\/finance\/invoices\//);
  const number = (await page.getByRole("heading", { level: 1 }).textContent()) ?? "";
  expect(number).toMatch(/^INV-/);

  await page.goto("/ledger");
  await expect(page.getByTestId("evenness")).toHaveText(/Even$/);
  expect(await page.getByTestId("debit-total").textContent()).toBe(
    await page.getByTestId("credit-total").textContent(),
  );
  await page
    .getByRole("row", { name: /receivables/i })
    .getByRole("link")
    .first()
    .click();
  await expect(page).toHaveURL(/view=journal/);
  await page.getByRole("link", { name: number }).first().click();
  await expect(page.getByRole("heading", { name: number })).toBeVisible();
});

test("what is typed before an order is placed survives a reload and tells of what is missing", async ({
  page,
  request,
}) => {
  const company = newCompany();
  await signUp(page, company);
  await makeProduct(await Rest.of(request, company), "Red bicycle", "2");
  await page.goto("/orders/orders/new");
  await choose(page, "Product", "Red bicycle");
  await page.getByLabel("Quantity").fill("5");
  await expect(page.getByText("Only 2 available")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Quantity")).toHaveValue("5");
  await page.getByRole("button", { name: "Place the order" }).click();
  await expect(page.getByRole("alert")).toHaveText("Some fields need attention.");
  await expect(page).toHaveURL(/\/orders\/orders\/new$/);
});
