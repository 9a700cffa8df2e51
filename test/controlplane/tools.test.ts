import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findTools, type ToolOptions } from "../../controlplane/tools.ts";

let dir: string;
let env: NodeJS.ProcessEnv;

/** `go` is a script that writes the file named behind -o. */
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tools-"));
  program(
    "go",
    'for word; do [ "$last" = -o ] && out=$word; last=$word; done\n[ "$out" ] || exec echo go1.26.0\necho >"$out"; chmod 755 "$out"',
  );
  env = { PATH: `${dir}/bin:/bin`, HOME: dir, ENVTEST_INSTALLED_ONLY: "true" };
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function program(name: string, script: string): void {
  mkdirSync(join(dir, "bin"), { recursive: true });
  writeFileSync(join(dir, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function find(o: ToolOptions) {
  return findTools(o, () => undefined, env);
}

test("the controllers are built for whoever runs them only", async () => {
  const { folder } = await find({});
  expect(readdirSync(folder).sort()).toEqual(["etcd", "kube-apiserver", "kubectl"]);
  await find({ controllerManager: true });
  expect(readdirSync(folder)).toContain("kube-controller-manager");
});

test("a kubectl on the PATH whose version fits is not built", async () => {
  program("kubectl", `echo '"gitVersion": "v1.35.1"'`);
  const { folder, kubectl } = await find({ ownKubectl: true });
  expect(kubectl).toBe(join(dir, "bin", "kubectl"));
  expect(readdirSync(folder).sort()).toEqual(["etcd", "kube-apiserver"]);
});

test("one whose version does not fit is left alone, and the pinned one built", async () => {
  program("kubectl", `echo '"gitVersion": "v1.32.4"'`);
  const { folder, kubectl } = await find({ ownKubectl: true });
  expect(kubectl).toBe(join(folder, "kubectl"));
});

test("the pinned one comes first where it is there, and for whoever does not ask for another", async () => {
  program("kubectl", `echo '"gitVersion": "v1.36.0"'`);
  const { folder } = await find({});
  expect((await find({ ownKubectl: true })).kubectl).toBe(join(folder, "kubectl"));
});
