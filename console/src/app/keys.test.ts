import { expect, it } from "vitest";
import { nameOf } from "./keys";

const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

it("a key with a modifier is not the key alone", () => {
  // Alt and E opens a menu of the browser, Ctrl and E on a Mac goes to the end of the line: neither edits a record.
  expect(nameOf({ ...none, key: "e" }, false)).toBe("e");
  expect(nameOf({ ...none, key: "E" }, false), "with caps lock").toBe("e");
  expect(nameOf({ ...none, key: "?", shiftKey: true }, false)).toBe("?");
  expect(nameOf({ ...none, key: "/", shiftKey: true }, false), "as on German keyboards").toBe("/");
  expect(nameOf({ ...none, key: "k", ctrlKey: true }, false)).toBe("mod+k");
  expect(nameOf({ ...none, key: "k", metaKey: true }, true)).toBe("mod+k");
  for (const [part, mac] of [
    [{ altKey: true }, false],
    [{ altKey: true }, true],
    [{ ctrlKey: true }, true],
    [{ metaKey: true }, false],
    [{ shiftKey: true }, false],
  ] as const) {
    expect(nameOf({ ...none, key: "e", ...part }, mac)).not.toBe("e");
  }
  expect(nameOf({ ...none, key: "s", ctrlKey: true, shiftKey: true }, false)).not.toBe("mod+s");
});
