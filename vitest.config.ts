import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "pure",
          include: [
            "test/{ssh,claims,projection,oracle,api,cli,tools,operator/unit}/**/*.test.ts",
            "test/kube/*.test.ts",
            "test/*.test.ts",
          ],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: "cluster",
          globalSetup: "test/cluster/globalsetup.ts",
          exclude: ["test/operator/unit/**"],
          include: [
            "test/{controlplane,crds,kube/apiserver,operator,deploy,sshd,demo,faults,availability}/**/*.test.ts",
          ],
          testTimeout: 600_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
