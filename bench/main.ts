import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildBundle } from "../test/cluster/bundle.ts";
import { audit } from "./audit.ts";
import { authorizedKeys } from "./authorizedkeys.ts";
import type { Bench, Floor, Sample } from "./bench.ts";
import { burst } from "./burst.ts";
import { contest } from "./contest.ts";
import { converge } from "./converge.ts";
import { fanOut } from "./fanout.ts";
import { measureFloor } from "./floor.ts";
import { idle } from "./idle.ts";
import { keysPerSecond } from "./keyspersecond.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { pluginCheck, pluginHelp, pluginList } from "./plugin.ts";
import { portal } from "./portal.ts";
import { proofs } from "./proofs.ts";
import { restart } from "./restart.ts";
import { broken, collect, markdown, type Result, readLatest, save, table } from "./results.ts";
import { rsa } from "./rsa.ts";
import { rsaConverge } from "./rsaconverge.ts";
import { scrape } from "./scrape.ts";
import { start } from "./start.ts";
import { trust } from "./trust.ts";

const USAGE = `node bench/main.ts [--quick] [--keys N,N,…] [--runs N] [--markdown]

  BENCH=name    run one bench; several names with commas between
  --keys        how many SSHKeys; each number is measured on its own (default 10,000)
  --runs        how often each bench is run (default 3)
  --quick       small numbers and one run; fails when a figure breaks its guard
  --markdown    run nothing, print the last results as a table for docs/performance.md`;

const BENCHES: readonly Bench[] = [
  converge,
  burst,
  restart,
  latency,
  fanOut,
  authorizedKeys,
  contest,
  memory,
  start,
  keysPerSecond,
  proofs,
  rsa,
  rsaConverge,
  audit,
  idle,
  trust,
  scrape,
  pluginHelp,
  pluginList,
  pluginCheck,
  portal,
];
/** Those with a guard that a busy machine cannot break, and that no test holds exactly. */
const QUICK: readonly Bench[] = [converge, authorizedKeys, memory, start, keysPerSecond, rsa, pluginCheck];
const QUICK_KEYS = 500;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    keys: { type: "string", default: "10000" },
    runs: { type: "string", default: "3" },
    markdown: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(USAGE);
else if (values.markdown) console.log(markdown(readLatest()));
else await measure(values.quick);

async function measure(quick: boolean): Promise<void> {
  const sizes = quick ? [QUICK_KEYS] : values.keys.split(",").map(Number);
  const runs = quick ? 1 : Number(values.runs);
  const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-bench-"));
  const results: Result[] = [];
  try {
    const bundle = bundleCopy(folder);
    for (const [index, keys] of sizes.entries()) {
      const benches = chosen(quick).filter((bench) => index === 0 || bench.fixedKeys === undefined);
      results.push(...(await measureAll(benches, { bundle, keys, quick }, runs)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  if (!quick) save(results);
  console.log(table(results));
  const failures = quick ? broken(results) : [];
  for (const failure of failures) console.log(`FAILED ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/** Every bench, `runs` times; a floor is shared by the benches of one run. */
async function measureAll(
  benches: readonly Bench[],
  o: { readonly bundle: string; readonly keys: number; readonly quick: boolean },
  runs: number,
): Promise<Result[]> {
  const samples = new Map<Bench, (readonly Sample[])[]>(benches.map((bench) => [bench, []]));
  for (let run = 1; run <= runs; run += 1) {
    let floor: Promise<Floor> | undefined;
    const round = {
      ...o,
      floor: () => {
        floor ??= measureFloor(o.keys);
        return floor;
      },
    };
    for (const bench of benches) {
      const started = performance.now();
      const keys = keysOf(bench, o);
      samples.get(bench)?.push(await bench.run({ ...round, keys }));
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stderr.write(`${bench.name}, ${keys} keys, run ${run} of ${runs}: ${seconds} s
`);
    }
  }
  return [...samples].flatMap(([bench, all]) => collect(bench.name, keysOf(bench, o), all));
}

function keysOf(bench: Bench, o: { readonly keys: number; readonly quick: boolean }): number {
  return (o.quick ? bench.quickKeys : undefined) ?? bench.fixedKeys ?? o.keys;
}

/** A copy of the bundle, with that of the plugin beside it, so that a build meanwhile does not change what is measured. */
function bundleCopy(folder: string): string {
  buildBundle();
  const dist = join(import.meta.dirname, "..", "dist");
  for (const file of ["main.cjs", "main.cjs.map", "kubectl-sshkey.cjs", "known-keys.blocklist"])
    copyFileSync(join(dist, file), join(folder, file));
  return join(folder, "main.cjs");
}

function chosen(quick: boolean): readonly Bench[] {
  const { BENCH = "" } = process.env;
  if (BENCH === "") return quick ? QUICK : BENCHES;
  return BENCH.split(",").map((name) => {
    const bench = BENCHES.find((each) => each.name === name);
    if (bench === undefined) {
      throw new Error(`no bench is called ${name}; there are ${BENCHES.map((each) => each.name).join(", ")}`);
    }
    return bench;
  });
}
