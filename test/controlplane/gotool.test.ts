import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findGoTool } from "../../controlplane/gotool.ts";

let dir: string;
let env: NodeJS.ProcessEnv;

/** `go` is a script that logs where it ran and its arguments, and writes the file named behind -o. */
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gotool-"));
  mkdirSync(join(dir, "bin"));
  const script = `#!/bin/sh
if [ "$1" = version ]; then echo 'go version go1.26.0 linux/amd64'; exit; fi
if [ "$1" = list ]; then echo a; exit; fi
echo "$PWD $@" >>'${dir}/calls'
for word; do [ "$last" = -o ] && out=$word; last=$word; done
echo whole >"$out"; chmod 755 "$out"
`;
  writeFileSync(join(dir, "bin", "go"), script, { mode: 0o755 });
  env = { PATH: `${dir}/bin:/usr/bin:/bin`, HOME: dir };
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

test.each([
  ["helm", /\.cache\/sshkey-operator\/gotools\/helm-v4\.\d+\.\d+\/helm$/],
  ["setup-envtest", /\.cache\/sshkey-operator\/gotools\/setup-envtest-v0\.\d+\.\d+\/setup-envtest$/],
  ["kind", /\.cache\/sshkey-operator\/gotools\/kind-v0\.\d+\.\d+\/kind$/],
  ["krew", /\.cache\/sshkey-operator\/gotools\/krew-v0\.\d+\.\d+\/krew$/],
] as const)("%s is kept by the version that its go.mod pins", async (name, path) => {
  expect(await findGoTool(name, { env })).toMatch(path);
});

test("it is built in the folder of its own go.mod", async () => {
  await findGoTool("helm", { env });
  expect(readFileSync(join(dir, "calls"), "utf8")).toMatch(
    /\/controlplane\/gotools\/helm build -v -mod=readonly .* helm\.sh\/helm\/v4\/cmd\/helm\n$/,
  );
});

test("it is built once", async () => {
  const first = await findGoTool("helm", { env });
  expect(await findGoTool("helm", { env })).toBe(first);
  expect(readFileSync(join(dir, "calls"), "utf8").match(/\n/g)).toHaveLength(1);
});
