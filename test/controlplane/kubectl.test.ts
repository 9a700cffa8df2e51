import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { usableKubectl } from "../../controlplane/kubectl.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kubectl-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** The path of a kubectl that answers so. */
function kubectl(folder: string, answer: string): string {
  const path = join(dir, folder, "kubectl");
  mkdirSync(join(dir, folder));
  writeFileSync(path, `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
  return path;
}

function says(version: string): string {
  return `echo '{\n  "clientVersion": {\n    "gitVersion": "${version}"\n  }\n}'`;
}

test.each(["v1.35.0", "v1.36.3", "v1.37.9", "v1.36.2-gke.100", "v1.37.0-rc.1"])(
  "a kubectl %s will do for an API server v1.36.3",
  async (version) => {
    const path = kubectl("bin", says(version));
    expect(await usableKubectl({ PATH: `/nowhere:${join(dir, "bin")}` }, "v1.36.3")).toBe(path);
  },
);

test.each([
  ["two minor releases older", says("v1.34.9")],
  ["two minor releases newer", says("v1.38.0")],
  ["of another major release", says("v2.36.3")],
  ["that says no version", "echo '{}'"],
  ["that does not run", "exit 1"],
])("a kubectl %s will not do", async (_, answer) => {
  kubectl("bin", answer);
  expect(await usableKubectl({ PATH: join(dir, "bin") }, "v1.36.3")).toBeUndefined();
});

test("only the first on the PATH counts, since that is the one that a shell starts", async () => {
  kubectl("first", says("v1.30.0"));
  kubectl("second", says("v1.36.0"));
  const PATH = `${join(dir, "first")}:${join(dir, "second")}`;
  expect(await usableKubectl({ PATH }, "v1.36.3")).toBeUndefined();
});

test("without any kubectl there is none that will do", async () => {
  expect(await usableKubectl({ PATH: dir }, "v1.36.3")).toBeUndefined();
});
