import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findBinaries, locate } from "../../controlplane/binaries.ts";
import { findGoTool } from "../../controlplane/gotool.ts";
import { versionOf } from "../../controlplane/versionof.ts";
import { type Archive, type EnvtestIndex, serve, serveIndex } from "./envtestindex.ts";

const FETCHED = ["etcd", "kube-apiserver", "kubectl"];
const PINNED = { version: "v1.36.3" };
const OLDER = { version: "v1.36.1" };

let tool: string;
let dir: string;
let index: EnvtestIndex;
let lines: string[];

beforeAll(async () => {
  tool = await findGoTool("setup-envtest", { progress: (line) => process.stderr.write(`${line}\n`) });
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "prebuilt-"));
  lines = [];
});

afterEach(async () => {
  await index?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** An environment with the real setup-envtest, in which `go` is a script that logs what it builds. */
function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const bin = join(dir, "bin");
  const tools = join(dir, "cache", "sshkey-operator", "gotools", basename(dirname(tool)));
  for (const folder of [bin, tools]) mkdirSync(folder, { recursive: true });
  symlinkSync(tool, join(tools, "setup-envtest"));
  const script = `#!/bin/sh
if [ "$1" = version ]; then echo 'go version go1.26.0 linux/amd64'; exit; fi
if [ "$1" = list ]; then echo a; exit; fi
for word; do [ "$last" = -o ] && out=$word; last=$word; done
echo "$last" >>'${dir}/built'; echo built >"$out"; chmod 755 "$out"
`;
  writeFileSync(join(bin, "go"), script, { mode: 0o755 });
  const url = index === undefined ? "" : index.url;
  const base = { PATH: `${bin}:/usr/bin:/bin`, HOME: dir, XDG_CACHE_HOME: join(dir, "cache") };
  return { ...base, ENVTEST_INDEX: url, ...more };
}

function find(env: NodeJS.ProcessEnv, names: readonly string[] = FETCHED): Promise<string> {
  return findBinaries({ env, names, mayBePrebuilt: true, progress: (line) => lines.push(line) });
}

function built(): string[] {
  const log = readFileSync(join(dir, "built"), { encoding: "utf8", flag: "a+" });
  return log.split("\n").slice(0, -1);
}

async function indexOf(...archives: readonly Archive[]): Promise<void> {
  index = await serveIndex(archives);
}

describe("where the index has the pinned version", () => {
  test("its binaries are fetched and nothing is built", async () => {
    await indexOf(PINNED);
    const folder = await find(environment());
    expect(readdirSync(folder).sort()).toEqual(FETCHED);
    expect(
      await Promise.all(["kube-apiserver", "kubectl"].map((name) => versionOf(join(folder, name)))),
    ).toEqual(["v1.36.3", "v1.36.3"]);
    expect(built()).toEqual([]);
  });

  test("it is taken though there are newer ones", async () => {
    await indexOf(PINNED, { version: "v1.36.9" }, { version: "v1.37.0" });
    const folder = await find(environment());
    expect(await versionOf(join(folder, "kube-apiserver"))).toBe("v1.36.3");
  });

  test("they lie apart from what is built, and are found again without a network", async () => {
    await indexOf(PINNED);
    const env = environment();
    const folder = await find(env);
    const asked = index.requests.length;
    expect(folder).toMatch(/\/controlplane\/v1\.36\.3-prebuilt$/);
    expect(await find(env)).toBe(folder);
    expect([locate(env, FETCHED, true).source, locate(env, FETCHED).complete]).toEqual(["prebuilt", false]);
    expect(index.requests).toHaveLength(asked);
  });

  test("kube-controller-manager, which is in no archive, is built beside them", async () => {
    await indexOf(PINNED);
    const folder = await find(environment(), [...FETCHED, "kube-controller-manager"]);
    expect(built()).toEqual(["k8s.io/kubernetes/cmd/kube-controller-manager"]);
    expect(readdirSync(folder).sort()).toEqual([
      "etcd",
      "kube-apiserver",
      "kube-controller-manager",
      "kubectl",
    ]);
  });

  test.each([
    ["whose checksum is another", { isAltered: true }, "checksum mismatch"],
    [
      "whose programs are of another version",
      { says: "v1.36.2" },
      "kube-apiserver of v1.36.3 says to be v1.36.2",
    ],
    ["that lacks a program", { lacks: "kubectl" }, "kubectl of v1.36.3 does not run here"],
  ])("nothing is taken of an archive %s; all is built", async (_, wrong, said) => {
    await indexOf({ ...PINNED, ...wrong });
    const folder = await find(environment());
    expect(lines.join("\n")).toContain(said);
    expect(folder).toMatch(/\/v1\.36\.3$/);
    expect(built()).toHaveLength(3);
    expect(readdirSync(`${folder}-prebuilt`)).toEqual([]);
  });
});

describe("where the index has other versions", () => {
  test("the newest patch of the pinned minor release is fetched, and that is said", async () => {
    await indexOf({ version: "v1.36.10" }, OLDER, { version: "v1.36.9" }, { version: "v1.37.1" });
    const folder = await find(environment());
    expect(await versionOf(join(folder, "kube-apiserver"))).toBe("v1.36.10");
    expect(lines[0]).toBe(
      `fetching Kubernetes v1.36.10 from ${index.url}, the newest of its minor release there; v1.36.3 is not`,
    );
  });

  test.each([
    ["of the minor release", { version: "v1.37.0" }],
    ["for this machine", { ...PINNED, platform: "plan9-amd64" }],
  ])("with none %s all is built, and setup-envtest is not asked", async (_, archive) => {
    await indexOf(archive);
    const folder = await find(environment());
    expect(lines[0]).toContain("no prebuilt binaries: ");
    expect(index.requests).toEqual(["/index.yaml"]);
    expect(folder).toMatch(/\/v1\.36\.3$/);
  });
});

describe("all is built", () => {
  test("after five seconds without an answer", async () => {
    index = await serve(() => undefined);
    await find(environment());
    expect(lines[0]).toBe(`no prebuilt binaries: ${index.url} cannot be read (no answer within 5 s)`);
    expect(built()).toHaveLength(3);
  });

  test("after five seconds of an answer that does not end", async () => {
    index = await serve((_, response) => void response.writeHead(200).write("releases:\n"));
    await find(environment());
    expect(lines[0]).toContain("(no answer within 5 s)");
  });

  test("where the index cannot be reached", async () => {
    await indexOf(PINNED);
    const { url } = index;
    await index.stop();
    await find(environment({ ENVTEST_INDEX: url }));
    expect(lines[0]).toContain("ECONNREFUSED");
  });

  test("where ENVTEST_INDEX is no address", async () => {
    await find(environment({ ENVTEST_INDEX: "nowhere" }));
    expect(lines[0]).toContain("no prebuilt binaries: nowhere cannot be read (Invalid URL");
  });

  test("with ENVTEST_INSTALLED_ONLY, and nothing is asked", async () => {
    await indexOf(PINNED);
    await find(environment({ ENVTEST_INSTALLED_ONLY: "true" }));
    expect([built().length, index.requests.length]).toEqual([3, 0]);
  });

  test("where exactly the pinned version counts, and nothing is asked", async () => {
    await indexOf(PINNED);
    await findBinaries({ env: environment(), names: FETCHED });
    expect([built().length, index.requests.length]).toEqual([3, 0]);
  });
});

test("what is built already is not fetched", async () => {
  await indexOf(PINNED);
  const env = environment();
  const folder = await findBinaries({ env, names: FETCHED });
  expect(await find(env)).toBe(folder);
  expect(index.requests).toEqual([]);
});
