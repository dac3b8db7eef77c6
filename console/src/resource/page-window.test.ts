import { expect, it } from "vitest";
import { PageWindow } from "./page-window";
import type { Page } from "./page-window";

const SIZE = 10;

/**
 * A list of numbers; its tokens name the last number of the page before, as keyset paging does, and the moment at which
 * they were issued, so that no two are alike.
 */
function numbers(rows: number[]) {
  const asked: string[] = [];
  let issued = 0;
  const fetch = (token: string): Promise<Page<number>> => {
    asked.push(token);
    const after = token === "" ? -1 : Number(token.split("@")[0]);
    const page = rows.filter((row) => row > after).slice(0, SIZE);
    const more = rows.some((row) => row > (page.at(-1) ?? Infinity));
    return Promise.resolve({ rows: page, nextToken: more ? `${String(page.at(-1))}@${issued++}` : "" });
  };
  return { asked, fetch };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Waits turn by turn until something holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    if (turns > 1000) throw new Error("it never came to hold");
    await new Promise((wake) => setImmediate(wake));
  }
}

/** Goes down step by step, as a reader does. */
async function scrollTo(window: PageWindow<number>, index: number): Promise<void> {
  for (let at = 0; at <= index; at += SIZE) {
    window.show(at, at + SIZE);
    await until(() => window.at(at) !== undefined);
  }
}

it("a long list is read in order and kept in part", async () => {
  // Whatever the length, memory holds the pages around the reader only.
  const { fetch } = numbers(upTo(1000));
  const window = new PageWindow(fetch, SIZE, String);
  await scrollTo(window, 990);
  expect(window.complete).toBe(true);
  expect(window.known).toBe(1000);
  expect(window.at(995)).toBe(995);
  expect(window.at(0)).toBeUndefined();
  expect(window.held).toBeLessThanOrEqual(14 * SIZE);
});

it("the way back needs no detour", async () => {
  // A page that was left is fetched by its own token.
  const { asked, fetch } = numbers(upTo(500));
  const window = new PageWindow(fetch, SIZE, String);
  await scrollTo(window, 490);
  asked.length = 0;
  window.show(200, 205);
  await until(() => window.at(203) === 203);
  expect(asked.map((token) => token.split("@")[0])).toContain("199");
  expect(asked.length).toBeLessThanOrEqual(3);
});

it("what comes and goes elsewhere shows without gaps and doubles", async () => {
  // After a change the pages in sight are fetched anew, each from where the one before ends now.
  const rows = upTo(60);
  const { fetch } = numbers(rows);
  const window = new PageWindow(fetch, SIZE, String);
  await scrollTo(window, 50);
  rows.splice(0, 3);
  await window.refresh();
  expect([...window.loaded()]).toEqual(rows);
  expect(window.known).toBe(57);
  rows.splice(5);
  await window.refresh();
  expect(window.complete).toBe(true);
  expect([...window.loaded()]).toEqual([3, 4, 5, 6, 7]);
});

it("down, up and down again, and what happens meanwhile, keep the length", async () => {
  // Tokens differ at every fetch: taken for moved, the pages behind were forgotten, and the list could not go down again.
  const rows = upTo(300);
  const { fetch } = numbers(rows);
  const window = new PageWindow(fetch, SIZE, String);
  await scrollTo(window, 290);
  for (let at = 290; at >= 0; at -= SIZE) {
    window.show(at, at + SIZE);
    await until(() => window.at(at) !== undefined);
  }
  expect(window.extent).toBe(300);
  await window.refresh();
  expect(window.extent).toBe(300);
  expect(window.whole).toBe(false);
  window.show(295, 299);
  await until(() => window.at(299) === 299);
  // A row that goes moves all pages behind it; each is fetched from where the one before ends as soon as it is shown.
  window.show(0, 5);
  await until(() => window.at(0) === 0);
  rows.splice(2, 1);
  await window.refresh();
  expect(window.extent).toBe(300);
  await scrollTo(window, 290);
  expect(window.known).toBe(299);
  const [first] = window.loaded();
  expect([...window.loaded()]).toEqual(rows.slice(rows.indexOf(first ?? -1)));
});

it("an empty list and a failure are told apart", async () => {
  // A failure is kept until it is tried again.
  let broken = true;
  const window = new PageWindow<number>(
    () => (broken ? Promise.reject(new Error("down")) : Promise.resolve({ rows: [], nextToken: "" })),
    SIZE,
    String,
  );
  window.show(0, 0);
  await until(() => window.error !== undefined);
  expect(window.starting).toBe(true);
  broken = false;
  window.retry();
  await until(() => window.complete);
  expect(window.known).toBe(0);
});
