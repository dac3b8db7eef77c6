// Figures of the console: what a first visit loads, when something is to be seen, and how fast the list of many rows
// answers. In front of a suite of its own with the demo company, whose accounts are filled up to ROWS through the public
// API; or of a running one (TESSERA_PAGE, TESSERA_USER, TESSERA_PASSWORD), which is filled with `--fill` only.
import { chromium } from "@playwright/test";
import { caller, openSuite } from "./scripts/own-suite.mjs";
import { firstLoads } from "./scripts/size.mjs";

const rows = Number(process.env.ROWS ?? 100_000);
const ROUNDS = 7;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const percentile = (values, part) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];
let slow = 0;
const line = (name, value, limit, isGood) => {
  if (!isGood) slow++;
  console.log(`${name.padEnd(48)} ${value.padStart(12)}   ${limit.padEnd(16)} ${isGood ? "ok" : "MISSED"}`);
};
const print = (name, value, unit, limit) =>
  line(name, `${value.toFixed(unit === "KB" ? 1 : 0)} ${unit}`, `under ${limit} ${unit}`, value < limit);

const { base, user, password, end } = await openSuite();
try {
  if (!process.env.TESSERA_PAGE || process.argv.includes("--fill")) await fill();
  await measure();
} finally {
  await end();
}
process.exitCode = slow > 0 ? 1 : 0;

/** The contracts create accounts one by one; many at a time keep the services busy. */
async function fill() {
  const call = caller(base, user, password);
  let next = 0;
  const worker = async () => {
    for (let number = next++; number < rows; number = next++) {
      await call("POST", "accounts", { displayName: `Bench ${number}`, type: "ACCOUNT_TYPE_PROSPECT" });
      if (number % 5000 === 0) process.stderr.write(`${number} of ${rows}\n`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

async function measure() {
  for (const { page, total } of firstLoads()) print(`first load: ${page}, JS and CSS, gzip`, total / 1024, "KB", 200);

  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();

  /** First contentful paint of a page that nothing is cached of. */
  async function paint(path) {
    const times = [];
    for (let round = 0; round < 5; round++) {
      const session = await context.newCDPSession(page);
      await session.send("Network.clearBrowserCache");
      await page.goto(base + path);
      await page.locator("h1").first().waitFor();
      // The browser notes it a frame later than the page has it.
      const noted = await page.waitForFunction(
        () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
      );
      times.push(await noted.jsonValue());
    }
    return median(times);
  }

  print("first contentful paint: login", await paint("/login"), "ms", 1000);
  await page.goto(`${base}/login`);
  await page.fill("input[name=email]", user);
  await page.fill("input[name=password]", password);
  await page.keyboard.press("Enter");
  await page.locator(".rail a").first().waitFor();
  print("first contentful paint: list", await paint("/crm/accounts"), "ms", 1000);

  /** From a key to the next frame that shows it. */
  const key = await page.evaluate(async () => {
    const times = [];
    for (let round = 0; round < 40; round++) {
      const start = performance.now();
      window.dispatchEvent(
        new KeyboardEvent("keydown", { key: round % 2 ? "k" : "j", bubbles: true, cancelable: true }),
      );
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      times.push(performance.now() - start);
    }
    return times;
  });
  print("list: key to the frame that shows it, p95", percentile(key, 0.95), "ms", 100);

  /** From a click to the frame that has other rows, or what is wanted, by the page's own clock. */
  async function answers(name, limit, prepare, click, wanted = "") {
    const times = [];
    for (let round = 0; round < ROUNDS; round++) {
      await prepare(round);
      times.push(
        await page.evaluate(
          async ([selector, wanted]) => {
            // The page must have come to rest, or what was shown before would count.
            await new Promise((done) => setTimeout(done, 300));
            const first = () => document.querySelector(".grid-row.at a")?.textContent;
            const before = first();
            const isShown = () =>
              wanted ? document.querySelector(wanted) !== null : first() !== undefined && first() !== before;
            const start = performance.now();
            document.querySelector(selector).click();
            while (!isShown() && performance.now() - start < 30_000) await new Promise(requestAnimationFrame);
            return performance.now() - start;
          },
          [click, wanted],
        ),
      );
    }
    print(`${name}, median`, median(times), "ms", limit);
    print(`${name}, slowest of ${ROUNDS}`, Math.max(...times), "ms", limit * 3);
  }
  const list = async () => {
    await page.goto(`${base}/crm/accounts`);
    await page.locator(".grid-row.at a").first().waitFor();
  };
  await answers("list: sort, click to rows", 500, list, ".grid-head button.sort");
  await answers(
    "list: filter, click to rows",
    500,
    async (round) => {
      await list();
      await page.getByRole("button", { name: "Filter", exact: true }).click();
      await page.locator("form.filter input").fill(`Bench ${round + 11}`);
    },
    'form.filter button[type="submit"]',
  );
  await answers("list: open a record, click to its page", 500, list, ".grid-row.at a", ".detail-body");

  /** A page further down is reached by scrolling through those before, as keyset pages come one after the other. */
  const deep = Math.min(rows, 1000);
  await list();
  const reached = await page.evaluate(async (wanted) => {
    const grid = document.querySelector(".grid");
    const start = performance.now();
    const isThere = () =>
      [...document.querySelectorAll(".grid-row.at[data-selected]")].some(
        (row) => Number(row.getAttribute("aria-rowindex")) >= wanted,
      );
    while (!isThere() && performance.now() - start < 60_000) {
      grid.scrollTop = grid.scrollHeight;
      await new Promise(requestAnimationFrame);
    }
    return performance.now() - start;
  }, deep);
  print(`list: scroll to row ${deep}`, reached, "ms", 3000);
  await list();

  /** Down through all rows, as fast as nobody turns a wheel: each frame shows rows that the last one had not. */
  const scrolled = await page.evaluate(async (wanted) => {
    const grid = document.querySelector(".grid");
    const from = performance.now();
    let seen = 0;
    while (seen < wanted && performance.now() - from < 300_000) {
      grid.scrollTop += 1500;
      await new Promise((done) => requestAnimationFrame(done));
      seen = Math.max(
        seen,
        ...[...document.querySelectorAll(".grid-row.at[data-selected]")].map(
          (row) => Number(row.getAttribute("aria-rowindex")) - 1,
        ),
      );
      if (
        grid.scrollTop + grid.clientHeight >= grid.scrollHeight &&
        document.querySelector('[role="table"]').ariaRowCount !== "-1"
      )
        break;
    }
    return { seen, inPage: document.querySelectorAll(".grid-row.at").length };
  }, rows);
  line("list: rows scrolled through", String(scrolled.seen), `of ${rows}`, scrolled.seen >= rows);
  print("list: rows in the page at its end", scrolled.inPage, "rows", 100);

  /** From its end up and down again by 300 pixels a frame, faster than a hand turns a wheel. */
  for (const [way, step] of [
    ["up", -300],
    ["down", 300],
  ]) {
    const frames = await page.evaluate(async (step) => {
      const grid = document.querySelector(".grid");
      const times = [];
      let last = performance.now();
      while (times.length < 600) {
        grid.scrollTop += step;
        await new Promise((done) => requestAnimationFrame(done));
        times.push(performance.now() - last);
        last = performance.now();
      }
      return times;
    }, step);
    print(`list: frame while scrolling ${way}, p95`, percentile(frames, 0.95), "ms", 50);
    print(`list: frame while scrolling ${way}, p99`, percentile(frames, 0.99), "ms", 250);
  }
  await browser.close();
}
