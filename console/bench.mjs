// Figures of the console: what a first visit loads, when something is to be seen, and how fast the list of many rows
// answers. Needs a console in front of a suite (TESSERA_PAGE, TESSERA_USER, TESSERA_PASSWORD) whose accounts are many:
// `ROWS=100000 node bench.mjs --fill` makes them through the public API first.
import { chromium } from "@playwright/test";
import { firstLoads } from "./scripts/size.mjs";

const base = process.env.TESSERA_PAGE ?? "http://127.0.0.1:8080";
const [user, password] = [process.env.TESSERA_USER ?? "demo@tessera.example", process.env.TESSERA_PASSWORD];
const rows = Number(process.env.ROWS ?? 100_000);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const percentile = (values, part) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];
const print = (name, value, limit) => console.log(`${name.padEnd(46)} ${value.padStart(12)}   ${limit}`);

if (!password) {
  console.error("bench: set TESSERA_PASSWORD to the one that `make up` has printed");
  process.exit(2);
}

async function rest(path, body, token) {
  const response = await fetch(`${base}/api/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const signIn = async () => (await rest("auth:login", { email: user, password })).tokens;

/** Fills the list, with a new token before the old one runs out. */
async function fill() {
  let [next, tokens, since] = [0, await signIn(), Date.now()];
  const worker = async () => {
    for (let number = next++; number < rows; number = next++) {
      if (Date.now() - since > 600_000) [since, tokens] = [Date.now(), await signIn()];
      const access = tokens.access_token ?? tokens.accessToken;
      await rest("accounts", { display_name: `Bench ${number}`, type: "ACCOUNT_TYPE_PROSPECT" }, access);
      if (number % 5000 === 0) process.stderr.write(`${number} of ${rows}\n`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

if (process.argv.includes("--fill")) await fill();

for (const { page, total } of firstLoads())
  print(`first load: ${page}, JS and CSS, gzip`, `${(total / 1024).toFixed(1)} KB`, "under 200 KB");

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
    times.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0));
  }
  return median(times);
}

print("first contentful paint: login", `${(await paint("/login")).toFixed(0)} ms`, "under 1000 ms");
await page.goto(`${base}/login`);
await page.fill("input[name=email]", user);
await page.fill("input[name=password]", password);
await page.keyboard.press("Enter");
await page.locator(".rail a").first().waitFor();
print("first contentful paint: list", `${(await paint("/crm/accounts")).toFixed(0)} ms`, "under 1000 ms");

/** From a key to the next frame that shows it. */
const key = await page.evaluate(async () => {
  const times = [];
  for (let round = 0; round < 40; round++) {
    const start = performance.now();
    window.dispatchEvent(new KeyboardEvent("keydown", { key: round % 2 ? "k" : "j", bubbles: true, cancelable: true }));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(performance.now() - start);
  }
  return times;
});
print("list: key to the frame that shows it, p95", `${percentile(key, 0.95).toFixed(0)} ms`, "under 100 ms");

/** Going down through all rows, frame by frame. */
const scrolled = await page.evaluate(async (wanted) => {
  const grid = document.querySelector(".grid");
  const [frames, from] = [[], performance.now()];
  let last = from;
  let seen = 0;
  while (seen < wanted && performance.now() - from < 300_000) {
    grid.scrollTop += 1500;
    await new Promise((done) => requestAnimationFrame(done));
    frames.push(performance.now() - last);
    last = performance.now();
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
  return { frames, seen, inPage: document.querySelectorAll(".grid-row.at").length };
}, rows);
print("list: rows scrolled through", String(scrolled.seen), `of ${rows}`);
print("list: frame while scrolling, p95", `${percentile(scrolled.frames, 0.95).toFixed(0)} ms`, "under 50 ms");
print("list: rows in the page at its end", String(scrolled.inPage), "under 100");
await browser.close();
