import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { once } from "node:events";
import { copyFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import type { Browser, Page as Tab } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newProject } from "../package.js";
import { BreakableWay } from "../proxy.js";
import { suiteUrl } from "../tenant.js";
import type { Page } from "./page.js";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];

let browser: Browser | undefined;
let server: Server | undefined;
let origin = "";

/** Bundles the page with the packed package, as an application would. */
async function script(): Promise<string> {
  const project = await newProject("browser");
  const entry = join(project, "page.ts");
  await copyFile(join(import.meta.dirname, "page.ts"), entry);
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
  });
  return result.outputFiles[0]!.text;
}

/** Calls a function of the page. */
function call<Name extends keyof Page>(tab: Tab, name: Name, ...args: Parameters<Page[Name]>) {
  const asked = ([called, given]: [string, unknown[]]) =>
    (globalThis as unknown as { page: Record<string, (...all: unknown[]) => unknown> }).page[called]!(...given);
  return tab.evaluate(asked, [name, args] as [string, unknown[]]) as Promise<Awaited<ReturnType<Page[Name]>>>;
}

async function newTab(context: Awaited<ReturnType<Browser["newContext"]>>): Promise<Tab> {
  const tab = await context.newPage();
  await tab.goto(origin);
  await call(tab, "open", suiteUrl);
  return tab;
}

describe.skipIf(suiteUrl === "" || !existsSync(executablePath))("in Chromium", () => {
  beforeAll(async () => {
    const code = await script();
    server = createServer((request, response) => {
      const isScript = request.url === "/page.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html; charset=utf-8");
      response.end(isScript ? code : '<!doctype html><script type="module" src="/page.js"></script>');
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    browser = await chromium.launch({ executablePath, args: FLAGS });
  });

  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  it("a page of another origin can do all that Node.js can", async () => {
    // Records, pages, details of errors and events pass the browser's rules for foreign origins.
    expect(new URL(origin).origin).not.toBe(new URL(suiteUrl).origin);
    const context = await browser!.newContext();
    const tab = await newTab(context);
    const [slug, email] = [`t-${randomUUID().slice(0, 8)}`, "owner@nordwind.example"];
    await call(tab, "signUp", slug, email, randomUUID());
    const names = ["Müller & Söhne", "東京商事", "Third"];
    for (const name of names) expect(await call(tab, "create", name)).toMatch(/^[0-9a-f-]{36}$/);
    expect(await call(tab, "names")).toEqual(names);
    const { violations, ...error } = await call(tab, "failure", "");
    expect(error).toEqual({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD", domain: "erp" });
    expect(violations.map(({ field }) => field)).toEqual(["account.display_name"]);
    expect(await call(tab, "firstEvent")).toBe("account.created");
    expect(await call(tab, "logout")).toBeUndefined();
    await context.close();
  });

  it("events are streamed, whatever breaks", async () => {
    // What happens before, while and after there is no connection is heard once each, until it is stopped.
    const context = await browser!.newContext();
    const tab = await newTab(context);
    const way = await BreakableWay.to(suiteUrl);
    try {
      await call(tab, "signUp", `t-${randomUUID().slice(0, 8)}`, "owner@nordwind.example", randomUUID());
      expect(await call(tab, "listen", way.url)).toBe(true);
      const created: string[] = [];
      const heard = async () => (await call(tab, "heard")).toSorted();
      const create = async () => created.push(await call(tab, "create", "Nordwind"));
      for (let round = 0; round < 3; round++) {
        await create();
        if (round > 0) await expect.poll(() => heard(), { timeout: 30_000 }).toEqual(created.toSorted());
        way.close();
        await create();
        way.reopen();
      }
      await expect.poll(() => heard(), { timeout: 30_000 }).toEqual(created.toSorted());
      await expect.poll(() => call(tab, "stop")).toBe(true);
      await expect.poll(() => way.open).toBe(0);
      await create();
      expect(await heard()).toEqual(created.slice(0, -1).toSorted());
    } finally {
      await way.remove();
      await context.close();
    }
  });

  it("two tabs renew one session once", async () => {
    // Both find the token expired at the same time; one of them renews it, and the session outlives a reload, too.
    const context = await browser!.newContext();
    const first = await newTab(context);
    const [slug, email] = [`t-${randomUUID().slice(0, 8)}`, "owner@nordwind.example"];
    await call(first, "signUp", slug, email, randomUUID());
    const second = await newTab(context);
    expect(await call(second, "signedIn")).toBe(email);
    for (let round = 0; round < 10; round++) {
      await call(first, "expire");
      const exchanges = await Promise.all([first, second].map((tab) => call(tab, "rush", 10)));
      expect(exchanges.reduce((sum, one) => sum + one)).toBe(1);
    }
    await first.reload();
    await call(first, "open", suiteUrl);
    expect(await Promise.all([first, second].map((tab) => call(tab, "signedIn")))).toEqual([email, email]);
    await context.close();
  });
});
