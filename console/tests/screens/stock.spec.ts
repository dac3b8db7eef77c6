import { expect, test } from "@playwright/test";
import { pageUrl } from "../company";
import { makeProduct, newCompany, Rest, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

test("goods that arrive elsewhere are seen without a reload", async ({ page, request }) => {
  // Events of the stock name moves and not levels; the contracts tell that levels change with them.
  const company = newCompany();
  await signUp(page, company);
  const rest = await Rest.of(request, company);
  const productId = await makeProduct(rest, "Yellow bicycle", "5");
  await page.goto("/stock");
  const cell = page.getByRole("row", { name: "Yellow bicycle" }).getByRole("button");
  await expect(cell).toContainText("5");
  let there = 5;
  // The tab listens a moment after it shows; what moves before that is no event for it.
  await expect(async () => {
    await rest.post("stock-moves:receive", { lines: [{ productId, quantity: { value: "1" } }] });
    there++;
    await expect(cell).toContainText(String(there), { timeout: 3_000 });
  }).toPass();
  await cell.click();
  await expect(page.getByRole("dialog").getByText("+1").first()).toBeVisible();
});
