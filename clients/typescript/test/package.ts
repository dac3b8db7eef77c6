// The package as npm would install it, for the tests that use it from outside.
import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export const run = promisify(execFile);

/** The folder of this package. */
export const root = join(import.meta.dirname, "..");

/**
 * Makes a project that has the packed package among its modules. It lies within this folder, so that the package finds
 * its own dependencies as they are locked.
 */
export async function newProject(name: string): Promise<string> {
  const project = join(root, ".work", name);
  const installed = join(project, "node_modules", "@tessera", "client");
  await rm(project, { recursive: true, force: true });
  await mkdir(installed, { recursive: true });
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", project];
  const { stdout } = await run("npm", pack, { cwd: root });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await run("tar", ["-xzf", join(project, filename), "-C", installed, "--strip-components=1"]);
  return project;
}
