import { expect, test } from "@playwright/test";
import { pageUrl } from "../company";
import { newCompany, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

test("a method that is tried answers with its status, its time and its request id", async ({ page }) => {
  await signUp(page, newCompany());
  await page.goto("/explorer?method=erp.crm.v1.AccountService%2FListAccounts");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByTestId("status")).toHaveText("OK");
  await expect(page.getByTestId("request-id")).toHaveText(/^[0-9a-f-]{36}$/);

  await page.getByText("JSON", { exact: true }).click();
  await page.getByRole("textbox", { name: "Request" }).fill('{"filter": "no such = field"}');
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByTestId("status")).toHaveText("INVALID_ARGUMENT");
  await expect(page.getByLabel("In a program").getByText("x-api-key")).toBeVisible();
  await page.getByRole("button", { name: "tessera call" }).click();
  await expect(page.getByTestId("code")).toHaveText(`tessera call crm.ListAccounts '{"filter":"no such = field"}'`);
});

test("what is typed as JSON is in the form, and the other way round", async ({ page }) => {
  await signUp(page, newCompany());
  await page.goto("/explorer?method=erp.crm.v1.AccountService%2FListAccounts");
  await page.getByLabel("Filter", { exact: true }).fill("type = CUSTOMER");
  await page.getByText("JSON", { exact: true }).click();
  await expect(page.getByRole("textbox", { name: "Request" })).toHaveValue(/"filter": "type = CUSTOMER"/);
  await page.getByRole("textbox", { name: "Request" }).fill('{"filter": "type = VENDOR"}');
  await page.getByText("Form", { exact: true }).click();
  await expect(page.getByLabel("Filter", { exact: true })).toHaveValue("type = VENDOR");
});
