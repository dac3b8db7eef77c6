import { expect, it } from "vitest";
import { mayOf } from "./permissions";

it("a grant covers what it names and what is below its star", () => {
  // And nothing beside it: the menu must not offer what the server refuses.
  const may = mayOf(["crm.*", "identity.users.read", "finance.invoices.*"]);
  for (const held of ["crm.accounts.read", "identity.users.read", "finance.invoices.write", ""])
    expect(may(held), held).toBe(true);
  for (const lacking of ["identity.users.write", "finance.reports.read", "crmx.accounts.read"])
    expect(may(lacking), lacking).toBe(false);
  expect(mayOf(["*"])("anything.at.all")).toBe(true);
  expect(mayOf([])("crm.accounts.read")).toBe(false);
});
