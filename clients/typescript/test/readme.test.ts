import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { transform } from "esbuild";
import { expect, it } from "vitest";
import { newProject, root, run } from "./package.js";
import { describeSuite, newOwner, suiteUrl } from "./tenant.js";

/** What the page says of one reader's suite, and what it is here. */
function filledIn(code: string, values: Record<string, string>): string {
  return Object.entries(values).reduce((text, [said, here]) => {
    expect(text.split(said), `"${said}" is said once`).toHaveLength(2);
    return text.replace(said, here);
  }, code);
}

describeSuite("README.md", () => {
  it("shows lines that work", async () => {
    // Its code compiles against the packed package, runs on a real suite and prints what a reader expects.
    const { email, password } = await newOwner();
    const page = await readFile(join(root, "README.md"), "utf8");
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
    expect(blocks).toHaveLength(2);
    const code = filledIn(blocks.join("\n"), {
      "http://127.0.0.1:8080": suiteUrl,
      "demo@tessera.example": email,
      "printed by make up": password,
    });
    const project = await newProject("readme");
    await writeFile(join(project, "package.json"), '{ "type": "module" }\n');
    await writeFile(join(project, "main.ts"), code);
    const compilerOptions = {
      strict: true,
      skipLibCheck: true,
      noEmit: true,
      module: "nodenext",
      target: "es2022",
      types: ["node"],
    };
    await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
    await run(join(root, "node_modules", ".bin", "tsc"), [], { cwd: project });
    await writeFile(join(project, "main.js"), (await transform(code, { loader: "ts", format: "esm" })).code);
    const { stdout } = await run(process.execPath, ["main.js"], { cwd: project });
    expect(stdout.trim().split("\n")).toEqual([
      expect.stringMatching(/^created [0-9a-f-]{36}$/),
      "listed Müller & Söhne",
      expect.stringMatching(/^INVALID_ARGUMENT INVALID_FIELD account\.display_name [0-9a-f-]{36}$/),
      "heard account.created",
    ]);
  });
});
