// The suite that figures and pictures are of: a running one (TESSERA_PAGE, TESSERA_USER, TESSERA_PASSWORD), or one of
// its own with the demo data, started from the program TESSERA_BIN and gone at the end.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const START_MS = 180_000;

/** Answers where it is and who signs in; `end` takes it down. */
export async function openSuite() {
  if (process.env.TESSERA_PAGE) {
    const password = process.env.TESSERA_PASSWORD;
    if (!password) throw new Error("set TESSERA_PASSWORD to the one that `make up` has printed");
    const user = process.env.TESSERA_USER ?? "demo@tessera.example";
    return { base: process.env.TESSERA_PAGE.replace(/\/$/, ""), user, password, own: false, end: async () => {} };
  }
  const program = process.env.TESSERA_BIN;
  if (!program) throw new Error("set TESSERA_PAGE to a running suite, or TESSERA_BIN to the program that starts one");
  const home = await mkdtemp(join(tmpdir(), "tessera-console-"));
  const address = `127.0.0.1:${await freePort()}`;
  const env = {
    ...process.env,
    TESSERA_HOME: home,
    TESSERA_LISTEN: address,
    TESSERA_ADDRESS: `http://${address}`,
    TESSERA_CONFIG: join(home, "login.toml"),
    TESSERA_CONSOLE: new URL("../dist", import.meta.url).pathname,
    TESSERA_TRUSTED_PROXIES: "127.0.0.0/8",
  };
  const suite = spawn(program, ["up"], { env, stdio: ["ignore", "ignore", "pipe"] });
  const end = async () => {
    if (suite.exitCode === null && suite.signalCode === null) {
      suite.kill("SIGINT");
      await once(suite, "exit");
    }
    await rm(home, { recursive: true, force: true });
  };
  try {
    const [, user, password] = await said(suite, /login +(\S+) +\/ +(\S+)/);
    process.stderr.write("loading the demo company\n");
    await promisify(execFile)(program, ["demo"], { env, maxBuffer: 64 * 1024 * 1024 });
    return { base: `http://${address}`, user, password, own: true, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Waits for what a program says; what it says later is read on, because a full pipe would stop it. */
function said(program, words) {
  let log = "";
  return new Promise((resolve, reject) => {
    program.stderr.setEncoding("utf8").on("data", (text) => {
      log = (log + text).slice(-20_000);
      const found = words.exec(log);
      if (found && log.includes("Tessera is up")) resolve(found);
    });
    program.once("error", reject);
    program.once("exit", (code) => reject(new Error(`the suite ended with ${code}:\n${log}`)));
    setTimeout(() => reject(new Error(`the suite was not up after ${START_MS} ms:\n${log}`)), START_MS).unref();
  });
}

/** Calls of REST in the name of a user, who signs in again before the token runs out. */
export function caller(base, user, password) {
  let [token, since] = ["", 0];
  const send = async (method, path, body, headers = {}) => {
    const response = await fetch(`${base}/api/v1/${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  let signingIn;
  const signIn = async () => {
    const { tokens } = await send("POST", "auth:login", { email: user, password });
    [token, since] = [tokens.accessToken, Date.now()];
  };
  return async (method, path, body) => {
    if (Date.now() - since > 600_000) await (signingIn ??= signIn().finally(() => (signingIn = undefined)));
    return send(method, path, body, { authorization: `Bearer ${token}` });
  };
}
