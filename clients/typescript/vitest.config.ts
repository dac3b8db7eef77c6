import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/suite.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The suite under test wants the cores more than the tests do.
    maxWorkers: 2,
  },
});
