import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { type Bound, type Figure, keeps, quantile, type Sample } from "./bench.ts";

const FILE = join(import.meta.dirname, "results", "latest.json");

/** One figure over all runs. */
export interface Result extends Figure {
  readonly bench: string;
  /** How many SSHKeys. */
  readonly keys: number;
  /** One a run. */
  readonly values: readonly number[];
}

export interface Results {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly results: readonly Result[];
}

/** Puts the samples of all runs of a bench together, figure by figure. */
export function collect(bench: string, keys: number, runs: readonly (readonly Sample[])[]): Result[] {
  const byName = new Map<string, { figure: Figure; values: number[] }>();
  for (const { figure, value } of runs.flat()) {
    const found = byName.get(figure.name) ?? { figure, values: [] };
    found.values.push(value);
    byName.set(figure.name, found);
  }
  return [...byName.values()].map(({ figure, values }) => ({ bench, keys, ...figure, values }));
}

/** Writes the results where `--markdown` finds them. */
export function save(results: readonly Result[]): void {
  const [cpu] = cpus();
  const commit = execFileSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
  const machine = `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  const all: Results = { date: new Date().toISOString().slice(0, 16), commit, machine, results };
  mkdirSync(join(FILE, ".."), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify(all, null, 2)}\n`);
}

export function readLatest(): Results {
  return JSON.parse(readFileSync(FILE, "utf8"));
}

/** Every guard that a result breaks, as a sentence. The median counts. */
export function broken(results: readonly Result[]): string[] {
  return results.flatMap(({ bench, name, unit, guard, values }) => {
    const median = quantile(values, 0.5);
    if (guard === undefined || keeps(guard, median)) return [];
    return `${bench}: ${name} is ${format(median, unit)} and must be ${formatBound(guard, unit)}`;
  });
}

const HEADINGS = ["bench", "keys", "figure", "min", "median", "max", "target", ""];

function cells({ bench, keys, name, unit, target, values }: Result): string[] {
  const median = quantile(values, 0.5);
  const spread = [Math.min(...values), median, Math.max(...values)];
  const verdict = target === undefined ? "" : keeps(target, median) ? "met" : "missed";
  const bound = target === undefined ? "" : formatBound(target, unit);
  return [bench, keys.toLocaleString("en"), name, ...spread.map((v) => format(v, unit)), bound, verdict];
}

/** For a terminal. */
export function table(results: readonly Result[]): string {
  const rows = [HEADINGS, ...results.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .map((line) => line.trimEnd())
    .join("\n");
}

/** For docs/performance.md. */
export function markdown({ date, commit, machine, results }: Results): string {
  const rows = [HEADINGS, HEADINGS.map(() => "---"), ...results.map(cells)];
  const lines = rows.map((row) => `| ${row.join(" | ")} |`);
  return [`Measured ${date} UTC at ${commit} on ${machine}.`, "", ...lines].join("\n");
}

function formatBound(bound: Bound, unit: string): string {
  return "most" in bound ? `≤ ${format(bound.most, unit)}` : `≥ ${format(bound.least, unit)}`;
}

function format(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toLocaleString("en", { maximumFractionDigits: digits })}${unit === "" ? "" : ` ${unit}`}`;
}
