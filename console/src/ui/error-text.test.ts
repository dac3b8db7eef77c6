import { TesseraError } from "@client/error";
import { beforeAll, expect, it, vi } from "vitest";
import { en } from "../i18n/en";
import { enLabels } from "../i18n/en-labels";
import { makeI18n } from "../i18n";
import type { I18n } from "../i18n";
import { errorText } from "./ErrorNotice";

let i18n: I18n;
beforeAll(() => {
  vi.stubGlobal("navigator", { languages: ["en-GB"] });
  i18n = makeI18n({ language: "en", texts: en, labels: enLabels }, "", () => undefined);
});

it("a failure without a word is told by its status", () => {
  // A notice that says nothing looks like a fault of the page.
  expect(errorText(new TesseraError("", { code: "INTERNAL" }), i18n)).toBe("The server gave no reason (INTERNAL).");
  expect(errorText(undefined, i18n)).toBe("The server gave no reason (UNKNOWN).");
});

it("what a server says is a sentence", () => {
  expect(errorText(new TesseraError("no such field", { code: "INVALID_ARGUMENT" }), i18n)).toBe("No such field.");
  expect(errorText(new Error("it broke"), i18n)).toBe("It broke.");
});
