import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { keySet } from "./keyset.ts";
import { OperatorProcess } from "./operator.ts";
import { load, seedConverged } from "./seed.ts";
import { onFreshSite, type Site } from "./site.ts";

/**
 * Where the operator's CPU time goes: `node bench/profile.ts converge|restart [KEYS]`, after `make build`. Prints self
 * time by source file and by function, and keeps the profile for a viewer (.cpuprofile).
 */
const [scenario = "converge", count = "5000"] = process.argv.slice(2);
const ROOT = join(import.meta.dirname, "..");
const BUNDLE = join(ROOT, "dist", "main.cjs");
const LINES = 35;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
  }[];
  readonly samples: readonly number[];
  /** µs between samples. */
  readonly timeDeltas: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-profile-"));
const set = keySet(Number(count));
await onFreshSite(set.namespaces, async (site) => {
  if (scenario === "restart") await seedConverged(site, set.keys);
  else await load(site, set.keys);
  await profiled(site);
});
const [file] = readdirSync(folder).filter((name) => name.endsWith(".cpuprofile"));
if (file === undefined) throw new Error(`no profile was written to ${folder}`);
report(JSON.parse(readFileSync(join(folder, file), "utf8")));
console.log(`\n${join(folder, file)}`);

async function profiled(site: Site): Promise<void> {
  const nodeArgs = ["--cpu-prof", "--cpu-prof-interval=250", `--cpu-prof-dir=${folder}`];
  const operator = new OperatorProcess(site, { bundle: BUNDLE, nodeArgs });
  if (scenario === "restart") await operator.untilIdle();
  else await operator.untilStates(set.keys.length, 600_000);
  console.log(
    `${scenario}, ${set.keys.length} keys: ${operator.cpuMs().toFixed(0)} ms of CPU time in all threads`,
  );
  await operator.stop();
}

function report(profile: Profile): void {
  const map = new SourceMap(JSON.parse(readFileSync(`${BUNDLE}.map`, "utf8")));
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byFunction = new Map<string, number>();
  const byFile = new Map<string, number>();
  let total = 0;
  for (const [index, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    const us = profile.timeDeltas[index] ?? 0;
    if (frame === undefined || frame.functionName === "(idle)") continue;
    const { source, line } = origin(map, frame);
    add(byFunction, `${frame.functionName || "(anonymous)"}  ${source}${line === 0 ? "" : `:${line}`}`, us);
    add(byFile, source.replace(/^(.*node_modules\/(@[^/]+\/)?[^/]+).*$/, "$1"), us);
    total += us;
  }
  console.log(`${(total / 1000).toFixed(0)} ms on the main thread, idle time aside`);
  print("by file or package", byFile, total);
  print("by function", byFunction, total);
}

function origin(map: SourceMap, frame: CallFrame): { readonly source: string; readonly line: number } {
  if (frame.url === "") return { source: "(V8 and native code)", line: 0 };
  if (!frame.url.endsWith("main.cjs")) return { source: frame.url, line: frame.lineNumber + 1 };
  const entry = map.findEntry(frame.lineNumber, frame.columnNumber);
  if (!("originalSource" in entry)) return { source: "dist/main.cjs", line: frame.lineNumber + 1 };
  const source = relative(ROOT, join(BUNDLE, "..", entry.originalSource));
  return { source, line: entry.originalLine + 1 };
}

function add(sums: Map<string, number>, name: string, us: number): void {
  sums.set(name, (sums.get(name) ?? 0) + us);
}

function print(title: string, sums: ReadonlyMap<string, number>, total: number): void {
  console.log(`\n${title}`);
  for (const [name, us] of [...sums].sort(([, a], [, b]) => b - a).slice(0, LINES)) {
    const share = ((us / total) * 100).toFixed(1).padStart(5);
    console.log(`${share} %  ${(us / 1000).toFixed(0).padStart(6)} ms  ${name}`);
  }
}
