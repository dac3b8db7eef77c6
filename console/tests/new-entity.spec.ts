import { expect, test } from "@playwright/test";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buf } from "../scripts/descriptors";
import { newCompany, signIn, suiteUrl } from "./company";
import { startPreview } from "./suite";

test("a resource that is added to the contracts has its pages at once", async ({ page }) => {
  // Navigation, list and form come from the descriptors alone. No service answers for it yet, so that the list shows the
  // gateway's own refusal, and what the contract refuses never gets as far as that.
  const started: (() => Promise<void>)[] = [];
  const folder = await mkdtemp(join(tmpdir(), "tessera-contracts-"));
  try {
    await cp(new URL("../../proto", import.meta.url).pathname, folder, { recursive: true });
    await mkdir(join(folder, "erp/fleet/v1"), { recursive: true });
    await cp(new URL("vehicle.proto", import.meta.url).pathname, join(folder, "erp/fleet/v1/vehicle.proto"));
    const file = join(folder, "contracts.binpb");
    execFileSync(buf(), ["build", "--as-file-descriptor-set", "-o", file], { cwd: folder });
    const base = await startPreview(started, suiteUrl(), { TESSERA_DESCRIPTORS: file });
    const company = await newCompany();
    await company.tessera.crm.accounts.createAccount({ account: { displayName: "Autohaus Nord" } });
    await signIn(page, company, base);
    await page.getByRole("navigation").getByRole("link", { name: "Vehicles" }).click();
    await expect(page.getByRole("heading", { name: "Vehicles" })).toBeVisible();
    await expect(page.getByRole("alert")).toBeVisible();
    await page.getByRole("link", { name: "New", exact: true }).click();
    await page.getByRole("button", { name: "Create" }).click();
    await expect(page.getByText("This is needed.")).toBeVisible();
    const plate = page.getByLabel("Number plate");
    await plate.fill("nonsense");
    await page.getByRole("button", { name: "Create" }).click();
    await expect(page.getByText("This does not have the form that is asked for.")).toBeVisible();
    await plate.fill("KI-EL 42");
    await page.getByLabel("Drive").selectOption("Electric");
    await page.getByLabel("Price", { exact: true }).fill("12,500.50");
    await page.getByRole("textbox", { name: "Dealer" }).click();
    await page.getByRole("option", { name: "Autohaus Nord" }).click();
    await page.getByRole("button", { name: "Create" }).click();
    await expect(page.getByText("Request id")).toBeVisible();
    await expect(plate).toHaveValue("KI-EL 42");
  } finally {
    for (const stop of started) await stop();
    await rm(folder, { recursive: true, force: true });
  }
});
