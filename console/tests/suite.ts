// The suite that the tests look at: a running one (TESSERA_URL) or one that is started from a program (TESSERA_ALL). It
// serves the console that lies in dist/, as it does for people; with TESSERA_PREVIEW=1 Vite's preview stands before it.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";

const START_MS = 180_000;

export default async function setup(): Promise<() => Promise<void>> {
  const started: (() => Promise<void>)[] = [];
  const teardown = async () => {
    for (const stop of started.toReversed()) await stop();
  };
  try {
    process.env["TESSERA_CLIENT"] = await bundleClient();
    const suite = process.env["TESSERA_URL"] ?? (await startSuite(started));
    process.env["TESSERA_SUITE"] = suite.replace(/\/$/, "");
    process.env["TESSERA_PAGE"] =
      process.env["TESSERA_PREVIEW"] === "1" ? await startPreview(started, suite) : process.env["TESSERA_SUITE"];
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

/** Bundles the client, which companies are made through. */
async function bundleClient(): Promise<string> {
  const outDir = new URL(".client", import.meta.url).pathname;
  await build({
    configFile: false,
    logLevel: "warn",
    resolve: { dedupe: ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"] },
    ssr: { noExternal: true },
    build: { ssr: new URL("client.ts", import.meta.url).pathname, outDir, emptyOutDir: true, minify: false },
  });
  return join(outDir, "client.js");
}

async function startSuite(started: (() => Promise<void>)[]): Promise<string> {
  const binary = process.env["TESSERA_ALL"];
  if (!binary) throw new Error("set TESSERA_URL to a running suite, or TESSERA_ALL to a program that is one");
  const home = await mkdtemp(join(tmpdir(), "tessera-console-"));
  const address = `127.0.0.1:${await freePort()}`;
  const suite = spawn(binary, {
    env: {
      ...process.env,
      TESSERA_HOME: home,
      TESSERA_LISTEN: address,
      TESSERA_CONSOLE: new URL("../dist", import.meta.url).pathname,
      // All browsers sign in from one address, more often than a suite lets anybody.
      TESSERA_LIMITS: "off",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  process.env["TESSERA_SUITE_HOME"] = home;
  started.push(async () => {
    await stop(suite);
    await rm(home, { recursive: true, force: true });
  });
  await said(suite, "Tessera is up");
  return `http://${address}`;
}

/** A console in front of a suite; tests start more of them, such as before a way that can be cut. */
export async function startPreview(
  started: (() => Promise<void>)[],
  suite: string,
  env: Record<string, string> = {},
): Promise<string> {
  const port = await freePort();
  const vite = new URL("../node_modules/vite/bin/vite.js", import.meta.url).pathname;
  const preview = spawn(
    process.execPath,
    [vite, "preview", "--port", String(port), "--strictPort", "--host", "127.0.0.1"],
    {
      cwd: new URL("..", import.meta.url).pathname,
      env: { ...process.env, ...env, TESSERA_URL: suite, NO_COLOR: "1", FORCE_COLOR: undefined },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  started.push(() => stop(preview));
  await said(preview, "Local:");
  return `http://127.0.0.1:${port}`;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until a program says something; what it says is read on, because a full pipe would stop it. */
async function said(program: ChildProcess, words: string): Promise<void> {
  let log = "";
  await new Promise<void>((resolve, reject) => {
    (program.stderr ?? program.stdout)?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-20_000);
      if (log.includes(words)) resolve();
    });
    program.once("error", reject);
    program.once("exit", (code) => reject(new Error(`the program ended with ${String(code)}:\n${log}`)));
    setTimeout(() => reject(new Error(`the program was not up after ${START_MS} ms:\n${log}`)), START_MS).unref();
  });
}

async function stop(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return;
  const gone = once(program, "exit");
  program.kill("SIGINT");
  const force = setTimeout(() => program.kill("SIGKILL"), 30_000);
  await gone;
  clearTimeout(force);
}
