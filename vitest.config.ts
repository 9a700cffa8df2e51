import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longestfirst.ts";

/** What needs neither an API server nor the bundle, and lives beside what does. */
const PURE = [
  "test/operator/unit/**/*.test.ts",
  "test/availability/{lastmoment,operationspage}.test.ts",
  "test/controlplane/{binaries,build,child,eventually,gotool,kubectl,timeleft,tools}.test.ts",
  "test/crds/generatedtypes.test.ts",
  "test/demo/{fit,narrator}.test.ts",
  "test/faults/{checker,sharedsecrets,sharedstatuses}.test.ts",
  "test/plugin/unit/**/*.test.ts",
  "test/portal/unit/**/*.test.ts",
  "test/sshd/findsshd.test.ts",
  "test/usage/unit/**/*.test.ts",
];

export default defineConfig({
  test: {
    pool: "forks",
    // One more than the two cores of CI: what needs a cluster waits for it half of the time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "pure",
          include: [
            "test/{ssh,blocklist,knowledge,claims,authorizedkeys,whereabouts,projection,oracle,api,cli,tools,gitops}/**/*.test.ts",
            "test/kube/*.test.ts",
            "test/*.test.ts",
            ...PURE,
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
          include: [
            "test/{chart,controlplane,crds,kube/apiserver,operator,plugin,deploy,sshd,demo,faults,availability,portal,usage}/**/*.test.ts",
          ],
          exclude: PURE,
          testTimeout: 600_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
