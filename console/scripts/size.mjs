// What a first visit loads, compressed, against the budget. Fails above it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET = 200 * 1024;
const dist = new URL("../dist", import.meta.url).pathname;

/** The files of a page: what index.html loads, and what the modules of that page import statically. */
export function filesOf(entries, manifest) {
  const files = new Set();
  const visit = (key) => {
    const chunk = manifest[key];
    if (!chunk || files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const inner of chunk.imports ?? []) visit(inner);
  };
  entries.forEach(visit);
  return [...files];
}

export function gzipped(file) {
  return gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
}

export function firstLoads() {
  const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));
  const pages = {
    login: ["index.html", "src/app/LoginPage.tsx"],
    list: ["index.html", "inside"],
  };
  return Object.entries(pages).map(([page, entries]) => {
    // A chunk of several modules is known by its name.
    const keys = entries.map((entry) =>
      Object.keys(manifest).find((key) => key === entry || manifest[key].name === entry),
    );
    if (keys.includes(undefined)) throw new Error(`the build lacks one of ${entries.join(", ")}`);
    const files = filesOf(keys, manifest).map((file) => ({ file, size: gzipped(file) }));
    return { page, files, total: files.reduce((sum, { size }) => sum + size, 0) };
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  let failed = false;
  for (const { page, files, total } of firstLoads()) {
    console.log(`${page}: ${(total / 1024).toFixed(1)} KB of ${BUDGET / 1024} KB, gzip`);
    for (const { file, size } of files.sort((a, b) => b.size - a.size))
      console.log(`  ${(size / 1024).toFixed(1).padStart(7)}  ${file}`);
    failed ||= total > BUDGET;
  }
  if (failed) {
    console.error("size: the first load is over its budget");
    process.exitCode = 1;
  }
}
