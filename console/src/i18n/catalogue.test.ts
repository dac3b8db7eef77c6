import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fieldsOf } from "../schema/fields";
import { services } from "@client/gen/services";
import type { DescService } from "@bufbuild/protobuf";
import { beforeAll, expect, it } from "vitest";
import { deHelp } from "./de-help";
import { en, loadScreenTexts } from "./en";

const root = new URL("..", import.meta.url).pathname;
let source = "";
beforeAll(async () => {
  await loadScreenTexts();
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  const read = (name: string) => readFileSync(join(root, name), "utf8");
  // The catalogues name every text, of course.
  source = files
    .filter((name) => /\.tsx?$/.test(name) && !/^i18n\/.*(en|de)/.test(name))
    .map(read)
    .join("\n");
});

it("every text of the catalogue is shown somewhere", () => {
  // What nothing shows is loaded and translated in vain. Texts that are chosen by a value are found by their beginning.
  const chosen = [...source.matchAll(/t\(`([a-zA-Z.]+)\.\$\{/g)].map(([, stem = ""]) => `${stem}.`);
  expect(chosen.length).toBeGreaterThan(0);
  const isShown = (key: string) => source.includes(`"${key}"`) || chosen.some((stem) => key.startsWith(stem));
  expect(Object.keys(en).filter((key) => !isShown(key))).toEqual([]);
});

it("every text that is asked for is in the catalogue", () => {
  // The compiler finds most; a name that is cast finds its way past it.
  const asked = [...source.matchAll(/\bt\("([^"]+)"/g)].map(([, key = ""]) => key);
  expect(asked.length).toBeGreaterThan(200);
  expect(asked.filter((key) => !(key in en))).toEqual([]);
});

it("what is told of fields in German is told of fields that there are", () => {
  const all = Object.values(services).flatMap((domain) => Object.values<DescService>(domain));
  const messages = new Set(all.flatMap(({ file }) => file.messages));
  const fields = new Set([...messages].flatMap((one) => fieldsOf(one).map(({ name }) => `${one.typeName}.${name}`)));
  expect(Object.keys(deHelp).filter((name) => !fields.has(name))).toEqual([]);
});
