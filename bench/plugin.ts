import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { sshKeysPath } from "../src/api/paths.ts";
import { KNOWN_KEYS } from "../src/blocklist/shipped.ts";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";
import { keySet } from "./keyset.ts";
import { msOf, usageOf } from "./noderun.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite } from "./site.ts";

const HELP: Figure = { name: "--help, from start to end, median", unit: "ms", target: { most: 150 } };
const LIST: Figure = {
  name: "list -A, from start to end − the same lists on a warm connection, medians",
  unit: "ms",
  target: { most: 400 },
};
const CHECK: Figure = {
  name: "check of a folder ÷ a process that reads it, parses it (`yaml`) and looks its keys up, CPU time, the best of each by turns",
  unit: "×",
  target: { most: 1.5 },
  guard: { most: 2 },
};
const PEAK: Figure = {
  name: "check of a folder, most memory resident",
  unit: "MB",
  target: { most: 200 },
  guard: { most: 200 },
};

/** How often each process is started, one after the other. */
const TURNS = 7;

const BARE_CHECK = join(import.meta.dirname, "barecheck.cjs");

export const pluginHelp: Bench = {
  name: "plugin-help",
  fixedKeys: 0,
  async run(round: Round): Promise<readonly Sample[]> {
    const times = Array.from({ length: TURNS }, () => msOf([pluginOf(round), "--help"]));
    return [{ figure: HELP, value: quantile(times, 0.5) }];
  },
};

export const pluginList: Bench = {
  name: "plugin-list",
  fixedKeys: 1000,
  async run(round: Round): Promise<readonly Sample[]> {
    const set = keySet(round.keys);
    return await onFreshSite(set.namespaces, async (site) => {
      await seedConverged(site, set.keys);
      const { kubeconfig } = site.controlPlane;
      await site.client.list(sshKeysPath());
      const bare: number[] = [];
      const listed: number[] = [];
      for (let turn = 0; turn < TURNS; turn += 1) {
        const started = performance.now();
        await site.client.list(sshKeysPath());
        bare.push(performance.now() - started);
        listed.push(msOf([pluginOf(round), "list", "-A", "--kubeconfig", kubeconfig]));
      }
      return [{ figure: LIST, value: quantile(listed, 0.5) - quantile(bare, 0.5) }];
    });
  },
};

export const pluginCheck: Bench = {
  name: "plugin-check",
  fixedKeys: 10_000,
  quickKeys: 4000,
  async run(round: Round): Promise<readonly Sample[]> {
    const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-bench-"));
    try {
      const manifests = join(folder, "manifests");
      mkdirSync(manifests);
      for (const key of keySet(round.keys).keys) {
        const { namespace, name } = key.metadata;
        writeFileSync(join(manifests, `${namespace}-${name}.yaml`), stringify(key, { lineWidth: 0 }));
      }
      let [checked, bare, peak] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0];
      for (let turn = 0; turn < TURNS; turn += 1) {
        const ofCheck = usageOf([pluginOf(round), "check", manifests], folder);
        checked = Math.min(checked, ofCheck.cpuMs);
        peak = Math.max(peak, ofCheck.peak);
        bare = Math.min(
          bare,
          usageOf([BARE_CHECK, manifests, join(dirname(pluginOf(round)), KNOWN_KEYS)], folder).cpuMs,
        );
      }
      return [
        { figure: CHECK, value: checked / bare },
        { figure: PEAK, value: peak / 1e6 },
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function pluginOf({ bundle }: Round): string {
  return join(dirname(bundle), "kubectl-sshkey.cjs");
}
