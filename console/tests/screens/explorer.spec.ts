import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "@playwright/test";
import { newCompany as newClientCompany, pageUrl, signIn } from "../company";
import { newCompany, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

test("a method that is tried answers with its status, its time and its request id", async ({ page }) => {
  await signUp(page, newCompany());
  await page.goto("/explorer?method=erp.crm.v1.AccountService%2FListAccounts");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByTestId("status")).toHaveText("OK");
  const requestId = page.getByRole("button", { name: "Copy the request id" });
  await expect(requestId).toHaveText(/^[0-9a-f-]{36}$/);
  await requestId.click();
  await expect(page.getByRole("status").getByText("Copied")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await requestId.textContent());

  await page.getByText("JSON", { exact: true }).click();
  await page.getByRole("textbox", { name: "Request" }).fill('{"filter": "no such = field"}');
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByTestId("status")).toHaveText("INVALID_ARGUMENT");
  await expect(page.getByLabel("In a program").getByText("x-api-key")).toBeVisible();
  await page.getByRole("button", { name: "tessera call" }).click();
  await expect(page.getByTestId("code")).toHaveText(`tessera call crm.ListAccounts '{"filter":"no such = field"}'`);
});

test("the code for curl does in a shell what the page has done", async ({ page }) => {
  const company = await newClientCompany();
  await company.tessera.crm.accounts.createAccount({ account: { displayName: 'It\'s "quoted" & more' } });
  await company.tessera.crm.accounts.createAccount({ account: { displayName: "Another" } });
  const { apiKeys } = company.tessera.identity;
  const { key } = await apiKeys.createApiKey({ apiKey: { displayName: "Shell", scopes: ["crm.accounts.*"] } });
  await signIn(page, company);
  const run = async () => {
    const env = { ...process.env, TESSERA_API_KEY: key };
    const { stdout } = await promisify(execFile)("sh", ["-c", (await page.getByTestId("code").textContent()) ?? ""], {
      env,
    });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const tried = async () => {
    await page.getByRole("button", { name: "Send" }).click();
    await expect(page.getByTestId("status")).toHaveText("OK");
    return JSON.parse((await page.locator(".answer pre").textContent()) ?? "") as Record<string, unknown>;
  };
  const type = async (method: string, request: string) => {
    await page.goto(`/explorer?method=erp.crm.v1.AccountService%2F${method}`);
    await page.getByText("JSON", { exact: true }).click();
    await page.getByRole("textbox", { name: "Request" }).fill(request);
  };
  await type("ListAccounts", JSON.stringify({ filter: 'display_name = "It\'s \\"quoted\\" & more"', pageSize: 5 }));
  const answer = await tried();
  expect(answer["accounts"]).toHaveLength(1);
  expect(await run()).toMatchObject(answer);
  await type("CreateAccount", JSON.stringify({ account: { displayName: "It's made in $HOME `by` a shell" } }));
  expect(await run()).toMatchObject({ displayName: "It's made in $HOME `by` a shell" });
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
