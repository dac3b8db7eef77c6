import { expect, test } from "@playwright/test";
import { newCompany, newUser, pageUrl, signIn } from "../company";

test.use({ baseURL: pageUrl() });

test("permissions that are not saved yet are not lost by a click on another tab", async ({ page }) => {
  const company = await newCompany();
  await company.tessera.identity.roles.createRole({ role: { name: "Unfinished", permissions: [] } });
  await signIn(page, company);
  await page.goto("/access?view=roles");
  await page.getByLabel("Unfinished: crm.accounts.read").check();
  await page.getByRole("link", { name: "My sessions" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stay" }).click();
  await expect(page).toHaveURL(/view=roles/);
  await expect(page.getByLabel("Unfinished: crm.accounts.read")).toBeChecked();
  await page.getByRole("link", { name: "My sessions" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await expect(page).toHaveURL(/view=sessions/);
});

test("a role is taken from oneself only after a question", async ({ page }) => {
  const company = await newCompany();
  const clerk = await newUser(company, ["identity.users.*", "identity.roles.read"]);
  const { users } = company.tessera.identity;
  const roleIds = async () =>
    (await users.listUsers({ pageSize: 100 })).users.find(({ email }) => email === clerk.email)?.roleIds ?? [];
  await signIn(page, clerk);
  await page.goto("/access");
  const own = page.getByRole("combobox", { name: "Roles: Limited User" });
  await own.press("Backspace");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  expect(await roleIds()).toHaveLength(1);
  await own.press("Backspace");
  await expect(page.getByRole("dialog")).toContainText("Give up the role Limited?");
  await page.getByRole("dialog").getByRole("button", { name: "Give it up" }).click();
  await expect.poll(roleIds).toHaveLength(0);
});
