import { expect, it } from "vitest";
import { deRules } from "./de-rules";
import { enLabels } from "./en-labels";
import { ruleText } from "./rule-texts";

it("a broken rule is said in the reader's language, with its limit", () => {
  const german = (rule: string, message: string) => ruleText(deRules, rule, message);
  expect(german("string.min_len", "must be at least 10 characters")).toBe("Mindestens 10 Zeichen.");
  expect(german("int32.gte", "must be greater than or equal to 0")).toBe("Mindestens 0.");
  expect(german("unique", "is taken")).toBe("Das gibt es schon.");
});

it("nobody reads a regular expression", () => {
  // The validator's own words would be `does not match regex pattern ^[a-z]...`.
  const said = "does not match regex pattern `^[a-z]{2}$`";
  expect(ruleText(enLabels.rules, "string.pattern", said)).toBe("This does not have the form that is asked for.");
  expect(ruleText(deRules, "string.pattern", said)).toBe("Das hat nicht die verlangte Form.");
});

it("a rule of a newer server is said in its own words", () => {
  expect(ruleText(deRules, "sku.check_digit", "has a wrong check digit")).toBe("Has a wrong check digit");
  expect(ruleText(enLabels.rules, "", "is required")).toBe("Is required");
});
