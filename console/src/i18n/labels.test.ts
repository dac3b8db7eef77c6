import { getOption } from "@bufbuild/protobuf";
import type { DescEnum, DescMessage, DescService } from "@bufbuild/protobuf";
import { entity as entityOption, event as eventOption } from "@client/gen/erp/v1/options_pb";
import { reasons } from "@client/gen/reasons";
import { services } from "@client/gen/services";
import { expect, it } from "vitest";
import { fieldsOf, isPlumbing } from "../schema/fields";
import { isRead } from "../schema/model";
import { deLabels } from "./de-labels";
import { de } from "./de";
import { en, loadScreenTexts } from "./en";
import { enLabels } from "./en-labels";
import { known, knownEvent, labelsIn, pluralOf, readable } from "./labels";
import type { Labelled } from "./labels";

const all = Object.values(services).flatMap((domain) => Object.values<DescService>(domain));

/** Services that deal with an entity, which are those that the generated pages call. */
const ofEntities = all.filter(({ methods }) =>
  methods.some(({ output }) => getOption(output, entityOption).table !== ""),
);

/** Everything that the generated pages name: methods, fields of entities and of requests, what they hold, and enums. */
function named(): Set<Labelled> {
  const things = new Set<Labelled>();
  const seen = new Set<DescMessage | DescEnum>();
  const visit = (message: DescMessage) => {
    if (seen.has(message)) return;
    seen.add(message);
    for (const field of fieldsOf(message)) {
      if (isPlumbing(field)) continue;
      things.add(field.desc);
      if (field.oneof) things.add(field.oneof);
      field.enum?.values.forEach((value) => things.add(value));
      if (field.kind === "message" && field.message) visit(field.message);
    }
  };
  for (const method of ofEntities.flatMap(({ methods }) => methods)) {
    things.add(method);
    if (getOption(method.output, entityOption).table !== "") {
      things.add(method.output);
      visit(method.output);
    }
    if (!isRead(method)) visit(method.input);
  }
  return things;
}

it("everything of the contracts has a German name", () => {
  // A field, method or state that is added is added to the catalogue, too.
  const things = [...named()];
  expect(things.length).toBeGreaterThan(300);
  const lacking = things.filter((one) => known(deLabels, one) === undefined).map(String);
  expect(lacking).toEqual([]);
  const nouns = things.filter((one) => one.kind === "message").map(({ name }) => name);
  expect(nouns.filter((name) => !(name in deLabels.nouns))).toEqual([]);
});

it("every event has a German name", () => {
  // The history of a record tells of them all; those of the engine are named by their noun.
  const files = new Set(all.map(({ file }) => file));
  const types = [...files]
    .flatMap(({ messages }) => messages.map((one) => getOption(one, eventOption).type))
    .filter(Boolean);
  expect(types.length).toBeGreaterThan(30);
  expect([...types, "account.created", "stock_level.updated"].filter((type) => !knownEvent(deLabels, type))).toEqual(
    [],
  );
  expect(labelsIn(deLabels).event("account.created")).toBe("Firma angelegt");
  expect(labelsIn(enLabels).event("stock.reorder_level_set")).toBe("Stock reorder level set");
});

it("every reason of an error is said in German", () => {
  // Else an English sentence would stand in a German page.
  const known = Object.entries(reasons).flatMap(([domain, names]) => names.map((name) => `${domain}/${name}`));
  expect(known.filter((name) => !(name in deLabels.reasons))).toEqual([]);
});

it("texts have the same places in all languages", async () => {
  // A placeholder that is lost loses a number or a name.
  await loadScreenTexts();
  const places = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    expect(places(de[key]), key).toEqual(places(en[key]));
    expect(de[key].split("|").length, key).toBe(en[key].split("|").length);
  }
});

it("what no catalogue names is called by its own name", () => {
  // A resource that is added tomorrow is readable at once.
  expect(readable("billing_address")).toBe("Billing address");
  expect(readable("ApiKey")).toBe("API key");
  expect(pluralOf("category")).toBe("categories");
  const account = services.crm.accounts.method.getAccount.output;
  const { label, plural } = labelsIn(enLabels);
  expect(label(account.field.parentId)).toBe("Parent");
  expect(plural("erp.hr.v1.LeaveRequest")).toBe("Leave requests");
});
