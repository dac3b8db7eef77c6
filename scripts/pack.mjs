// Writes beside each text of a folder what browsers take in its place: FILE.br and FILE.gz.
//
//   node scripts/pack.mjs FOLDER
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const folder = process.argv[2];
// Pictures and fonts are packed already, and what is shorter gains less than a header costs.
const texts = /\.(html|js|mjs|css|json|svg|webmanifest|wasm|txt)$/;
const shortest = 1024;

for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!file.isFile() || !texts.test(file.name)) continue;
  const path = join(file.parentPath ?? file.path, file.name);
  const bytes = readFileSync(path);
  if (bytes.length < shortest) continue;
  // The strongest that there is: it is done once, and sent often.
  writeFileSync(`${path}.br`, brotliCompressSync(bytes));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}
