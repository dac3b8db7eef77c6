import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { descriptors } from "./scripts/descriptors.ts";
import { firstLoad } from "./scripts/first-load.ts";

/** The suite that the development and preview servers stand before. */
const suite = process.env["TESSERA_URL"] ?? "http://127.0.0.1:8080";

/** What the gateway answers itself; everything else is the console's. */
const proxy = {
  "^/(erp\\.|api/|health|\\.well-known/|openapi|metrics)": { target: suite, changeOrigin: true },
};

const first = firstLoad(["/src/ui/ErrorNotice.tsx", "/src/ui/Door.tsx"], "/src/app/inside.ts");

export default defineConfig({
  plugins: [react(), descriptors(), first.plugin],
  resolve: {
    alias: { "@client": new URL("../clients/typescript/src", import.meta.url).pathname },
    // The client's sources stand outside this folder and must not bring copies of their own.
    dedupe: ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"],
  },
  server: { proxy },
  preview: { proxy },
  build: {
    target: "es2022",
    manifest: true,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: { codeSplitting: { groups: first.groups } },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
