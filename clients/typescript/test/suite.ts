// The suite that the tests call: a running one (TESSERA_URL), or one that is started from a binary (TESSERA_ALL).
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The gateway's address; empty: there is no suite. */
    suiteUrl: string;
  }
}

const START_MS = 120_000;
const STOP_MS = 30_000;

/** Finds or starts the suite; what was started ends with the tests. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { TESSERA_URL: running, TESSERA_ALL: binary } = process.env;
  if (running || !binary) {
    if (!running) console.warn("Tests that need a suite are skipped: set TESSERA_URL or TESSERA_ALL (see README.md).");
    project.provide("suiteUrl", running?.replace(/\/$/, "") ?? "");
    return undefined;
  }
  const home = await mkdtemp(join(tmpdir(), "tessera-client-"));
  const address = `127.0.0.1:${String(await freePort())}`;
  const suite = spawn(binary, {
    // All tests sign up and in from one address, more often than a suite lets anybody.
    env: { ...process.env, TESSERA_HOME: home, TESSERA_LISTEN: address, TESSERA_LIMITS: "off" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const teardown = async () => {
    await stop(suite);
    await rm(home, { recursive: true, force: true });
  };
  try {
    await untilUp(suite);
  } catch (error) {
    await teardown();
    throw error;
  }
  project.provide("suiteUrl", `http://${address}`);
  return teardown;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** The suite says in its log when it takes calls; the log is read on, because a full pipe would stop it. */
async function untilUp(suite: ChildProcess): Promise<void> {
  let log = "";
  const up = new Promise<void>((resolve, reject) => {
    suite.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-20_000);
      if (log.includes("Tessera is up")) resolve();
    });
    suite.once("error", reject);
    suite.once("exit", (code) => {
      reject(new Error(`the suite ended with ${String(code)} before it was up:\n${log}`));
    });
    setTimeout(() => {
      reject(new Error(`the suite was not up after ${String(START_MS)} ms:\n${log}`));
    }, START_MS).unref();
  });
  await up;
}

async function stop(suite: ChildProcess): Promise<void> {
  if (suite.exitCode !== null || suite.signalCode !== null || suite.pid === undefined) return;
  const gone = once(suite, "exit");
  suite.kill("SIGINT");
  const force = setTimeout(() => suite.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(force);
}
