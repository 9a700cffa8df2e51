import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { API_VERSION, GROUP, KIND, PLURAL, VERSION } from "../../src/api/names.ts";
import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import { run } from "../cluster/run.ts";

test("the generated types are what the CRD says", async () => {
  expect(await run(process.execPath, ["tools/generate-api.ts", "--check"])).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
});

test("types that are out of date fail the check with one line that says what to run", async () => {
  const finished = await run(process.execPath, [
    "tools/generate-api.ts",
    "--check",
    "--types",
    "package.json",
  ]);
  expect(finished).toEqual({
    code: 1,
    stdout: "",
    stderr:
      "package.json is not what crds/sshkeys.yaml says: run `node tools/generate-api.ts` and commit it.\n",
  });
});

test("an SSHKey without its optional fields has the type", () => {
  const sshKey: SSHKey = { metadata: { name: "a" }, spec: { user: "alice", key: "ssh-ed25519 AAAA" } };
  expect(sshKey).not.toHaveProperty("status");
});

describe("the constants are those of the CRD", () => {
  test("group, version, kind and plural", async () => {
    const { metadata, spec } = parse(await readFile("crds/sshkeys.yaml", "utf8"));
    expect([spec.group, spec.versions[0].name, spec.names.kind, spec.names.plural]).toEqual([
      GROUP,
      VERSION,
      KIND,
      PLURAL,
    ]);
    expect(metadata.name).toBe(`${PLURAL}.${GROUP}`);
    expect(API_VERSION).toBe(`${GROUP}/${VERSION}`);
  });
});
