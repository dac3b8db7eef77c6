// Serves the descriptor file as the gateway does, for the development and preview servers.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const ROOT = new URL("../..", import.meta.url).pathname;

/** The buf that `make tools` has installed. */
export function buf(): string {
  const folder = join(process.env["TESSERA_TOOLS"] ?? join(ROOT, "tools"), "node_modules/@bufbuild");
  const platform = existsSync(folder) ? readdirSync(folder).find((name) => name.startsWith("buf-")) : undefined;
  if (!platform) throw new Error("buf is missing; run `make tools`, or set TESSERA_DESCRIPTORS to a descriptor file");
  return join(folder, platform, "bin/buf");
}

/** The contracts as a FileDescriptorSet: a file that is named, or the contracts of this checkout. */
export function descriptorFile(): Buffer {
  const named = process.env["TESSERA_DESCRIPTORS"];
  if (named) return readFileSync(named);
  const file = join(mkdtempSync(join(tmpdir(), "tessera-descriptors-")), "contracts.binpb");
  execFileSync(buf(), ["build", "--as-file-descriptor-set", "-o", file], { cwd: join(ROOT, "proto") });
  return readFileSync(file);
}

/** Answers `/console/descriptors` and the file that it names; false: not asked for it. */
function answer(file: () => Buffer, request: IncomingMessage, response: ServerResponse): boolean {
  const url = request.url ?? "";
  if (url === "/console/descriptors") {
    const hash = createHash("sha256").update(file()).digest("hex").slice(0, 16);
    response.setHeader("cache-control", "no-cache");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ url: `/descriptors/${hash}.binpb` }));
    return true;
  }
  if (!url.startsWith("/descriptors/")) return false;
  response.setHeader("cache-control", "public, max-age=31536000, immutable");
  response.setHeader("content-type", "application/octet-stream");
  response.setHeader("content-encoding", "gzip");
  response.end(gzipSync(file()));
  return true;
}

export function descriptors(): Plugin {
  let bytes: Buffer | undefined;
  const file = () => (bytes ??= descriptorFile());
  const serve = (server: {
    middlewares: { use: (handler: (q: IncomingMessage, s: ServerResponse, next: () => void) => void) => unknown };
  }) => {
    // A suite that serves its own descriptors is asked for them by the proxy.
    if (process.env["TESSERA_DESCRIPTORS"] === "suite") return;
    server.middlewares.use((request, response, next) => {
      if (!answer(file, request, response)) next();
    });
  };
  return { name: "tessera-descriptors", configureServer: serve, configurePreviewServer: serve };
}
