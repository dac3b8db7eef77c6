import { expect, it } from "vitest";
import { partsOf, withoutPart } from "./filter-parts";

const ageing = 'kind = INVOICE AND (state = POSTED OR state = PARTIALLY_PAID) AND due_date <= "2026-10-01"';

it("a filter falls into parts that can be removed one by one", () => {
  const parts = partsOf(ageing);
  expect(parts.map(({ conditions }) => conditions?.map(({ path, value }) => [path, value]))).toEqual([
    [["kind", "INVOICE"]],
    [
      ["state", "POSTED"],
      ["state", "PARTIALLY_PAID"],
    ],
    [["due_date", "2026-10-01"]],
  ]);
  expect(withoutPart(parts, 1)).toBe('kind = INVOICE AND due_date <= "2026-10-01"');
  expect(withoutPart(partsOf("a = 1"), 0)).toBe("");
});

it("words between quotes and inside of brackets split nothing", () => {
  const parts = partsOf('name = "this AND that (OR" AND (a = 1 OR (b = 2 AND c = 3))');
  expect(parts.map(({ text }) => text)).toEqual(['name = "this AND that (OR"', "(a = 1 OR (b = 2 AND c = 3))"]);
  expect(parts[0]?.conditions?.[0]?.value).toBe("this AND that (OR");
});

it("what conditions cannot show stays a text, and nothing of it is lost", () => {
  for (const text of ["a = 1 OR b = 2", "(a = 1) OR (a = 2)", "NOT a = 1", "word", "f(x)"]) {
    const [part, ...more] = partsOf(text);
    expect(more, text).toEqual([]);
    expect(part, text).toEqual({ text, conditions: undefined });
  }
  expect(partsOf("a = 1 AND b = 2 OR b = 3").map(({ text }) => text)).toEqual(["a = 1", "b = 2 OR b = 3"]);
  expect(partsOf("  ")).toEqual([]);
});
