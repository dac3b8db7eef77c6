import { expect, test } from "@playwright/test";
import { pageUrl } from "../company";
import { makeOrder, makeProduct, newCompany, Rest, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

test("ageing, stock alerts, revenue and totals open what they are made of", async ({ page, request }) => {
  const company = newCompany();
  await signUp(page, company);
  const rest = await Rest.of(request, company);
  const [low, plenty] = [await makeProduct(rest, "Low bicycle", "4"), await makeProduct(rest, "Plenty bicycle", "90")];
  const { warehouses } = await rest.get<{ warehouses: { id: string }[] }>("warehouses");
  const warehouseId = warehouses[0]?.id;
  await rest.post("stock-levels:setReorderLevel", { productId: low, warehouseId, reorderLevel: { value: "9" } });
  await makeOrder(rest, plenty);
  const { accounts } = await rest.get<{ accounts: { id: string }[] }>("accounts");
  const amount = { currencyCode: "EUR", units: "70" };
  const line = { description: "Consulting", amount, incomeRole: "LEDGER_ACCOUNT_ROLE_SALES" };
  await rest.post("invoices", { accountId: accounts[0]?.id, lines: [line] });

  await page.goto("/");
  const alerts = page.getByRole("region", { name: "Stock alerts" });
  await alerts.getByRole("link", { name: "Stock: 4" }).click();
  await expect(page).toHaveURL(new RegExp(`/stock\\?product=${low}`));
  await expect(page.getByRole("rowheader", { name: "Low bicycle" })).toBeVisible();
  await expect(page.getByRole("rowheader", { name: "Plenty bicycle" })).toBeHidden();

  await page.goto("/");
  await page
    .getByRole("region", { name: "Receivables by age" })
    .getByRole("link", { name: /Not due yet/ })
    .click();
  await expect(page).toHaveURL(/\/finance\/invoices\?filter=/);
  await expect(page.getByRole("group", { name: "Filter" })).toContainText("Posted or Partially paid");
  await expect(page.getByText("1 record", { exact: true })).toBeVisible();

  await page.goto("/");
  const revenue = page.getByRole("region", { name: "Revenue" });
  await revenue.getByText("As a table").click();
  // The last period that has any: before midnight of the books it is a new day already where the page is read.
  await revenue.getByRole("table").getByRole("link", { name: /[1-9]/ }).last().click();
  await expect(page).toHaveURL(/\/finance\/invoices\?filter=/);
  await expect(page.getByText("2 records", { exact: true })).toBeVisible();

  await page.goto("/ledger");
  await page.getByTestId("debit-total").getByRole("link").click();
  await expect(page).toHaveURL(/view=journal/);
  await expect(page).not.toHaveURL(/account=/);
  // The order's invoice, its payment, and the invoice that was posted by itself; its goods came without a price.
  await expect(page.locator(".journal tbody")).toHaveCount(3);
});

test("what is reserved in a warehouse is told with the order that holds it", async ({ page, request }) => {
  const company = newCompany();
  await signUp(page, company);
  const rest = await Rest.of(request, company);
  const productId = await makeProduct(rest, "Held bicycle", "9");
  const { warehouses } = await rest.get<{ warehouses: { id: string }[] }>("warehouses");
  const sourceId = (await rest.post<{ id: string }>("accounts", { displayName: "Any" })).id;
  const warehouseId = warehouses[0]?.id;
  const lines = [{ productId, warehouseId, quantity: { value: "3" } }];
  await rest.post("reservations:reserve", { sourceId, lines });
  await page.goto("/stock");
  const cell = page.getByRole("row", { name: "Held bicycle" }).getByRole("button");
  await expect(cell).toContainText("9 − 3");
  await cell.click();
  const held = page.getByRole("dialog").getByRole("region", { name: "Who holds it" }).getByRole("listitem");
  await expect(held).toHaveCount(1);
  await expect(held).toContainText("3");
  await expect(held.getByText("Held", { exact: true })).toBeVisible();
  await held.getByRole("link", { name: /^Reservation: / }).click();
  await expect(page).toHaveURL(/\/inventory\/reservations\//);
});

test("signing out everywhere ends the sessions elsewhere", async ({ page, request }) => {
  const company = newCompany();
  await signUp(page, company);
  const data = { email: company.email, password: company.password };
  const elsewhere = await request.post("/api/v1/auth:login", { data });
  const { tokens } = (await elsewhere.json()) as { tokens: { refreshToken: string } };
  await page.goto("/access?view=sessions");
  await expect(page.getByRole("row")).toHaveCount(3);
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  // Access tokens run out by themselves; there are no new ones.
  const refreshed = await request.post("/api/v1/auth:refresh", { data: { refreshToken: tokens.refreshToken } });
  expect(refreshed.status()).toBe(401);
});
