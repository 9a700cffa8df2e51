import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { AuthorizedKeys } from "../../src/api/authorizedkeys.generated.ts";
import {
  API_VERSION,
  AUTHORIZED_KEYS_KIND,
  AUTHORIZED_KEYS_PLURAL,
  GROUP,
  KIND,
  PLURAL,
  VERSION,
} from "../../src/api/names.ts";
import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import { run } from "../cluster/run.ts";

test("the generated types are what the CRDs say", async () => {
  expect(await run(process.execPath, ["tools/generate-api.ts", "--check"])).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
});

test("types that are out of date fail the check with a line each that says what to run", async () => {
  const finished = await run(process.execPath, ["tools/generate-api.ts", "--check", "--types", "test/crds"]);
  expect(finished).toEqual({
    code: 1,
    stdout: "",
    stderr: [
      "test/crds/sshkey.generated.ts is not what crds/sshkeys.yaml says: run `node tools/generate-api.ts` and commit it.\n",
      "test/crds/authorizedkeys.generated.ts is not what crds/authorizedkeys.yaml says: run `node tools/generate-api.ts` and commit it.\n",
      "test/crds/schemas.generated.ts is not what crds/ says: run `node tools/generate-api.ts` and commit it.\n",
    ].join(""),
  });
});

test("objects without their optional fields have the types", () => {
  const sshKey: SSHKey = { metadata: { name: "a" }, spec: { user: "alice", key: "ssh-ed25519 AAAA" } };
  const target: AuthorizedKeys = { metadata: { name: "a" }, spec: {} };
  expect([sshKey, target].map(Object.keys)).toEqual(Array(2).fill(["metadata", "spec"]));
});

describe("the constants are those of the CRD", () => {
  test.each([
    ["crds/sshkeys.yaml", KIND, PLURAL],
    ["crds/authorizedkeys.yaml", AUTHORIZED_KEYS_KIND, AUTHORIZED_KEYS_PLURAL],
  ])("%s: group, version, kind and plural", async (file, kind, plural) => {
    const { metadata, spec } = parse(await readFile(file, "utf8"));
    expect([spec.group, spec.versions[0].name, spec.names.kind, spec.names.plural]).toEqual([
      GROUP,
      VERSION,
      kind,
      plural,
    ]);
    expect(metadata.name).toBe(`${plural}.${GROUP}`);
    expect(API_VERSION).toBe(`${GROUP}/${VERSION}`);
  });
});
