import type { DescMessage } from "@bufbuild/protobuf";
import { ContactSchema, ContactService } from "@client/gen/erp/crm/v1/contact_pb";
import { WarehouseSchema, WarehouseService } from "@client/gen/erp/inventory/v1/warehouse_pb";
import { describe, expect, it } from "vitest";
import { fieldsOf } from "../schema/fields";
import { conditionsOf, filterText, nameFilter } from "./filter";
import type { Condition } from "./filter";
import { joined } from "./joined";

const one = (path: string, operator: Condition["operator"], value = ""): Condition => ({ path, operator, value });

describe("filters", () => {
  it("what conditions say comes back as the same conditions", () => {
    // Every operator, with values that need quotes, escapes and none.
    const conditions = [
      one("display_name", ":", 'Müller & "Söhne"'),
      one("code", "starts", "C-10*"),
      one("type", "=", "CUSTOMER"),
      one("type", "!=", "VENDOR"),
      one("price", ">=", "10.50"),
      one("due_date", "<=", "2026-01-31"),
      one("create_time", "within", "7"),
      one("billing_address.locality", "=", "Bad \\ Ort"),
      one("email", "set"),
      one("phone", "unset"),
      one("role_ids", ":", "0190a0b0-0000-7000-8000-000000000001"),
    ];
    expect(conditionsOf(filterText(conditions))).toEqual(conditions);
  });

  it("a value cannot say more than a value", () => {
    // Quotes and operators inside of it stay inside of it; words of the language are quoted.
    expect(filterText([one("name", "=", 'x" OR id:*')])).toBe('name = "x\\" OR id:\\*"');
    expect(filterText([one("name", "=", "OR")])).toBe('name = "OR"');
  });

  it("conditions without a value are left out", () => {
    // A row that nobody filled in yet must not break the filter.
    expect(filterText([one("name", "="), one("type", "=", "LEAD")])).toBe("type = LEAD");
  });

  it("what conditions cannot show is not taken apart", () => {
    // It stays a text, instead of losing what it says.
    for (const text of [
      "a = 1 OR b = 2",
      "(a = 1)",
      "NOT a = 1",
      "word",
      'name = "*x"',
      "a = 1 AND",
      "state = (OPEN OR WON)",
    ]) {
      expect(conditionsOf(text), text).toBeUndefined();
    }
    expect(conditionsOf("  ")).toEqual([]);
  });

  it("words and a filter hold together", () => {
    // An OR of the filter must not swallow the words.
    expect(joined("a = 1 OR b = 2", 'x "y')).toBe('(a = 1 OR b = 2) AND "x" AND "\\"y"');
    expect(joined("", "")).toBe("");
    expect(joined("a = 1", " ")).toBe("a = 1");
  });
});

it("the server looks for the words in the name", () => {
  // Looking through the newest only, an old warehouse among many was not to be found.
  const titles = (message: DescMessage, ...names: string[]) =>
    fieldsOf(message).filter(({ name }) => names.includes(name));
  const warehouse = {
    methods: { list: WarehouseService.method.listWarehouses },
    titleFields: titles(WarehouseSchema, "name"),
  };
  const contact = {
    methods: { list: ContactService.method.listContacts },
    titleFields: titles(ContactSchema, "given_name", "family_name"),
  };
  expect(nameFilter(warehouse, "Nord 2")).toBe("name:Nord AND name:2");
  expect(nameFilter(warehouse, 'a" OR x')).toBe('name:"a\\"" AND name:"OR" AND name:x');
  expect(nameFilter(contact, "Ada")).toBe("(given_name:Ada OR family_name:Ada)");
  expect(nameFilter({ ...contact, methods: {} }, "Ada")).toBeUndefined();
});
