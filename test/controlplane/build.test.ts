import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findBinaries } from "../../controlplane/binaries.ts";
import { eventually } from "../cluster/eventually.ts";

const MODULE = join(import.meta.dirname, "..", "..", "controlplane", "binaries.ts");
const ALL = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];

let dir: string;
let cache: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "build-"));
  cache = join(dir, "cache", "sshkey-operator", "controlplane", "v1.36.3");
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** An environment in which `go` is a script: it logs its arguments and runs `build` with $out as its -o. */
function environment(build: string, version = "go version go1.26.0 linux/amd64"): NodeJS.ProcessEnv {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh
if [ "$1" = version ]; then echo '${version}'; exit; fi
if [ "$1" = list ]; then echo a; echo b; exit; fi
echo "$@ GOFLAGS=$GOFLAGS" >>'${dir}/calls'
for word; do [ "$last" = -o ] && out=$word; last=$word; done
${build}
`;
  writeFileSync(join(bin, "go"), script, { mode: 0o755 });
  return { PATH: `${bin}:/usr/bin:/bin`, HOME: dir, XDG_CACHE_HOME: join(dir, "cache") };
}

const WRITE = 'echo whole >"$out"; chmod 755 "$out"';

function calls(): string[] {
  return readFileSync(join(dir, "calls"), { encoding: "utf8", flag: "a+" }).split("\n").slice(0, -1);
}

test("a build leaves the four binaries and nothing else in the cache", async () => {
  expect(await findBinaries({ env: environment(WRITE) })).toBe(cache);
  expect(readdirSync(cache).sort()).toEqual(ALL);
});

test("the binaries report the pinned version", async () => {
  await findBinaries({ env: environment(WRITE) });
  expect(calls()[1]).toContain(
    "-X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36",
  );
});

test("only what is missing is built", async () => {
  mkdirSync(cache, { recursive: true });
  for (const name of ALL.slice(0, 3)) {
    writeFileSync(join(cache, name), "whole\n", { mode: 0o755 });
  }
  await findBinaries({ env: environment(WRITE) });
  expect(calls().map((call) => call.split(" ").at(-2))).toEqual(["k8s.io/kubernetes/cmd/kubectl"]);
});

test("progress names each binary and where they go", async () => {
  const lines: string[] = [];
  await findBinaries({ env: environment(WRITE), progress: (line) => lines.push(line) });
  expect(lines.filter((line) => / built in \d+ s$/.test(line))).toHaveLength(4);
  expect(lines[0]).toBe(`building Kubernetes v1.36.3 into ${cache}`);
});

test("a failed build says what Go said last", async () => {
  const env = environment("echo no space left on device >&2; exit 1");
  await expect(findBinaries({ env })).rejects.toThrow(/failed after \d+ s.*\n.*no space left on device/);
});

test("a failed build leaves nothing that would be taken for a binary", async () => {
  const env = environment('echo half >"$out"; chmod 755 "$out"; exit 1');
  await expect(findBinaries({ env })).rejects.toThrow("go build");
  expect(readdirSync(cache)).toEqual([]);
});

test("flags from GOFLAGS that would change the binaries are left out", async () => {
  await findBinaries({ env: { ...environment(WRITE), GOFLAGS: "-mod=vendor -race -modcacherw -p=1" } });
  expect(calls()[0]).toMatch(/ GOFLAGS=-mod=readonly -modcacherw -p=1$/);
});

test("a Go that is too old is named", async () => {
  const env = environment(WRITE, "go version go1.19.8 linux/amd64");
  await expect(findBinaries({ env })).rejects.toThrow("this is go version go1.19.8 linux/amd64: install Go");
});

/** Another process that builds, so that it can be killed. */
function builder(env: NodeJS.ProcessEnv) {
  const program = `import { findBinaries } from ${JSON.stringify(MODULE)}; await findBinaries();`;
  return spawn(process.execPath, ["--input-type=module", "-e", program], { env, stdio: "ignore" });
}

const WRITE_WHEN_ALLOWED = `echo half >"$out"; chmod 755 "$out"
while ! [ -e '${"$"}(dirname "$0")/go-on' ]; do sleep 0.02; done; echo whole >"$out"`.replaceAll("'", '"');

test("a build that is cut off leaves no binary, and the next one builds all of them", async () => {
  const killed = builder(environment(WRITE_WHEN_ALLOWED));
  await eventually("the build has begun", () => calls().length === 1);
  killed.kill("SIGKILL");
  await eventually("the builder is gone", () => killed.signalCode !== null);
  expect(readdirSync(cache).filter((name) => !name.startsWith("."))).toEqual([]);

  // The lock of a holder that is gone is taken once it is old; here it ages at once.
  utimesSync(join(cache, ".lock"), 0, 0);
  await findBinaries({ env: environment(WRITE) });
  expect(ALL.map((name) => readFileSync(join(cache, name), "utf8"))).toEqual(ALL.map(() => "whole\n"));
});

test("of two builds at once the second waits and builds nothing", async () => {
  const env = environment(WRITE_WHEN_ALLOWED);
  const first = findBinaries({ env });
  await eventually("the first build has begun", () => calls().length === 1);
  const lines: string[] = [];
  const second = findBinaries({ env, progress: (line) => lines.push(line) });
  await eventually("the second build waits", () => lines.length === 1);
  writeFileSync(join(dir, "bin", "go-on"), "");
  await Promise.all([first, second]);
  expect(calls()).toHaveLength(4);
});
