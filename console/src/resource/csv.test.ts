import { expect, it } from "vitest";
import { csvLine } from "./csv";

it("cells are set off where they must be", () => {
  // Commas, quotes and breaks are inside quotes, quotes doubled.
  expect(csvLine(["a", 'b,"c"', "d\ne", " f"])).toBe('a,"b,""c""","d\ne"," f"\r\n');
});

it("no cell is a formula", () => {
  // What a spreadsheet would run becomes text; negative numbers stay numbers.
  expect(csvLine(["=1+1", "+cmd", "-2+3", "@x", "\tx", "-12.50", "+49 555"])).toBe(
    `'=1+1,'+cmd,'-2+3,'@x,'\tx,-12.50,+49 555\r\n`,
  );
});
