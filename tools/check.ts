import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { styleText } from "node:util";

/**
 * Runs every check, goes on after a failed one, and ends with the line `N passed, N failed`. A check that is not a
 * test counts as one. `--all` adds the tests that need a control plane.
 */
const isAll = process.argv.includes("--all");

interface Count {
  readonly passed: number;
  readonly failed: number;
}

interface Check {
  readonly name: string;
  readonly run: () => Count;
}

const checks: Check[] = [
  { name: "Format, lint and layering", run: () => command("biome", ["check", "--error-on-warnings", "."]) },
  { name: "Types", run: () => command("tsc", ["--noEmit"]) },
  { name: "No unused files, exports and dependencies", run: () => command("knip", ["--no-progress"]) },
  {
    name: "No regular expression backtracks super-linearly",
    run: () => command("node", ["--disable-warning=ExperimentalWarning", "tools/check-regexps.ts"]),
  },
  {
    name: "Generated files are up to date",
    run: () => command("node", ["tools/generate-api.ts", "--check"]),
  },
  {
    name: "docs/errors.md is up to date",
    run: () => command("node", ["tools/generate-errors.ts", "--check"]),
  },
];
if (isAll) {
  checks.push({ name: "Control plane", run: () => command("node", ["controlplane/main.ts"]) });
  checks.push({ name: "Tests", run: () => tests([]) });
  checks.push({ name: "Performance guard", run: () => command("node", ["bench/main.ts", "--quick"]) });
} else checks.push({ name: "Tests without an API server", run: () => tests(["--project", "pure"]) });

let passed = 0;
let failed = 0;
for (const { name, run } of checks) {
  process.stdout.write(`${styleText("bold", `== ${name}`)}\n`);
  const started = performance.now();
  const count = run();
  passed += count.passed;
  failed += count.failed;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${count.failed === 0 ? "ok" : "FAILED"} (${seconds} s)\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

function command(program: string, args: readonly string[]): Count {
  const { status } = spawnSync(program, args, { stdio: "inherit" });
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A skipped test counts as failed: nothing is left out. */
function tests(args: readonly string[]): Count {
  const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-check-"));
  const report = join(folder, "report.json");
  try {
    const reporters = ["--reporter", "default", "--reporter", "json", "--outputFile.json", report];
    const { status } = spawnSync("vitest", ["run", ...reporters, ...args], { stdio: "inherit" });
    const { numTotalTests, numPassedTests } = JSON.parse(readFileSync(report, "utf8"));
    const missed = numTotalTests - numPassedTests;
    // A file that cannot be loaded or an error outside of tests fails the run and no test.
    return { passed: numPassedTests, failed: missed === 0 && status !== 0 ? 1 : missed };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
