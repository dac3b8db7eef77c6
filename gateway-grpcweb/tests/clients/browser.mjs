// Runs page.js in headless Chromium and prints what it says, as JSON: browser.mjs GATEWAY SET CHROMIUM
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { once } from "node:events";
import { join } from "node:path";

const [gateway, set, executablePath] = process.argv.slice(2);
// The TypeScript client's folder has everything that a page needs.
const client = join(import.meta.dirname, "../../../clients/typescript");
const require = createRequire(join(client, "package.json"));
const { build } = require("esbuild");
const { chromium } = require("playwright-core");

const bundled = await build({
  entryPoints: [join(import.meta.dirname, "page.js")],
  nodePaths: [join(client, "node_modules")],
  bundle: true,
  format: "esm",
  target: "es2022",
  write: false,
});
const code = bundled.outputFiles[0].text;
const server = createServer((request, response) => {
  const isScript = request.url === "/page.js";
  response.setHeader("content-type", isScript ? "text/javascript" : "text/html; charset=utf-8");
  response.end(isScript ? code : '<!doctype html><script type="module" src="/page.js"></script>');
}).listen(0, "127.0.0.1");
await once(server, "listening");
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath, args });
try {
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction(() => "run" in window);
  const bytes = (await readFile(set)).toString("base64");
  const results = await tab.evaluate(([url, descriptors]) => window.run(url, descriptors), [gateway, bytes]);
  process.stdout.write(JSON.stringify(results));
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}
