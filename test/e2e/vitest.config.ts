import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "test/e2e/globalsetup.ts",
    include: ["test/e2e/**/*.test.ts"],
    reporters: "verbose",
    pool: "forks",
    // One cluster for all of them, and one of them at a time: what they measure is not to be disturbed.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
