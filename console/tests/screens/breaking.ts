// Breaking a suite of the tests' own from below, as a disk or a network would.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

/** Whether the suite is one that may be broken: started by the tests, with its database on this machine. */
export function isBreakable(): boolean {
  return existsSync(join(server(), "password"));
}

/** The folder of the private database server: in the suite's own, or where PostgreSQL may run when its user may not there. */
function server(): string {
  const home = process.env["TESSERA_SUITE_HOME"] ?? "/nonexistent";
  const own = `${basename(dirname(home))}-${createHash("sha256").update(home).digest("hex").slice(0, 8)}`;
  const state = process.env["XDG_STATE_HOME"] ?? "/nonexistent";
  const user = process.getuid?.() ?? 0;
  const folders = [home, join(state, "tessera", own), join("/var/tmp", `tessera-${user}`, own)];
  const found = folders.map((folder) => join(folder, "pg")).find((folder) => existsSync(join(folder, "password")));
  return found ?? "/nonexistent";
}

/** Takes a table away from a service as long as `work` goes on. */
export async function withoutTable(service: string, table: string, work: () => Promise<void>): Promise<void> {
  await sql(service, `alter table ${table} rename to ${table}_gone`);
  try {
    await work();
  } finally {
    await sql(service, `alter table ${table}_gone rename to ${table}`);
  }
}

async function sql(service: string, statement: string): Promise<void> {
  const read = (name: string) => readFileSync(join(server(), name), "utf8").trim();
  const env = {
    ...process.env,
    PGHOST: "127.0.0.1",
    PGPORT: read("port"),
    PGUSER: "postgres",
    PGPASSWORD: read("password"),
    PGDATABASE: `tessera_${service}`,
  };
  await promisify(execFile)("psql", ["-v", "ON_ERROR_STOP=1", "-qc", statement], { env });
}
