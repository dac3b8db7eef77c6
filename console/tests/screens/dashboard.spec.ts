import { expect, test } from "@playwright/test";
import { pageUrl } from "../company";
import { makeOrder, makeProduct, newCompany, Rest, signUp } from "./suite";

test.use({ baseURL: pageUrl() });

interface Amount {
  readonly units?: string;
  readonly nanos?: number;
}

/** As the console writes it in English. */
function euros({ units = "0", nanos = 0 }: Amount = {}): string {
  return `€${Number(units).toLocaleString("en")}.${String(Math.trunc(nanos / 10_000_000)).padStart(2, "0")}`;
}

test("the dashboard's figures are those that the services tell, and open what is behind them", async ({
  page,
  request,
}) => {
  const company = newCompany();
  await signUp(page, company);
  const rest = await Rest.of(request, company);
  const productId = await makeProduct(rest, "Green bicycle", "4");
  const { warehouses } = await rest.get<{ warehouses: { id: string }[] }>("warehouses");
  await rest.post("stock-levels:setReorderLevel", {
    productId,
    warehouseId: warehouses[0]?.id,
    reorderLevel: { value: "9" },
  });
  await makeOrder(rest, productId);

  await page.goto("/");
  const day = new Date().toISOString().slice(0, 10);
  const [year, month, date] = day.split("-");
  const days = {
    "fromDate.year": year ?? "",
    "fromDate.month": month ?? "",
    "fromDate.day": "1",
    "toDate.year": year ?? "",
    "toDate.month": month ?? "",
    "toDate.day": date ?? "",
  };
  const revenue = await rest.get<{ currencies: { total: Amount }[] }>("reports/revenue", days);
  const panel = page.getByRole("region", { name: "Revenue" });
  await expect(panel.getByRole("link", { name: "Revenue EUR" })).toContainText(euros(revenue.currencies[0]?.total));
  const states = page.getByRole("region", { name: "Orders by state" });
  await expect(states.getByRole("link", { name: /Completed 1/ })).toBeVisible();
  await expect(
    page.getByRole("region", { name: "Stock alerts" }).getByRole("link", { name: "Green bicycle" }),
  ).toBeVisible();

  await states.getByRole("link", { name: /Completed/ }).click();
  await expect(page).toHaveURL(/\/orders\/orders\?filter=/);
  await expect(page.getByText("1 record", { exact: true })).toBeVisible();
  await page.goBack();
  await panel.getByRole("link", { name: "Revenue EUR" }).click();
  await expect(page).toHaveURL(/\/finance\/invoices\?filter=/);
  await expect(page.getByText("1 record", { exact: true })).toBeVisible();
});
