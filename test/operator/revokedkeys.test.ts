import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { readyOf, type Tenant } from "./tenant.ts";

let stage: Stage;
let folder: string;
let file: string;
let tenant: Tenant;
const [leaked, kept] = [freshKey(), freshKey()];
let fingerprint = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revoked-keys-"));
  file = join(folder, "revoked");
  await list([]);
  stage = await Stage.open();
  await stage.run({ config: `revokedKeys: ${file}` });
  tenant = await stage.tenant();
  await tenant.create("leaked", { user: "alice", key: leaked });
  await tenant.create("kept", { user: "alice", key: kept });
  ({ fingerprint = "" } = await tenant.until("leaked", "Projected"));
  await tenant.until("kept", "Projected");
});

afterAll(async () => {
  await stage.close();
  await rm(folder, { recursive: true });
});

/** The whole file is another one from one moment to the next, as a mounted ConfigMap is. */
async function list(lines: readonly string[]): Promise<void> {
  await writeFile(`${file}.new`, lines.map((line) => `${line}\n`).join(""));
  await rename(`${file}.new`, file);
}

const isOut = async () => {
  await tenant.until("leaked", "Revoked");
  await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept)]);
};

describe("the list of revoked keys", () => {
  test("takes a key out without a restart, and the status says why and what to do", async () => {
    await list(["# leaked on a laptop", "", `${fingerprint}  # alice's`]);
    await isOut();
    const status = await tenant.until("leaked", "Revoked");
    expect(readyOf(status)?.message).toMatch(/revoked/);
    expect(status.conditions?.find(({ type }) => type === "Stalled")?.status).toBe("True");
    expect(status.conditions?.find(({ type }) => type === "Valid")?.status).toBe("True");
  });

  test("holds after a restart, and for SSHKeys that are made later", async () => {
    await stage.run({ config: `revokedKeys: ${file}` });
    await isOut();
    const other = await stage.tenant();
    await other.create("leaked", { user: "bob", key: leaked });
    await other.until("leaked", "Revoked");
    expect(await other.secrets()).toEqual([]);
  });

  test("holds as it was while it cannot be read, which is told", async () => {
    await rm(file);
    await stage.operator.logged("RevokedKeysUnreadable", ({ problem }) => problem === "ENOENT");
    await stage.allIsHandled();
    await isOut();
  });

  test("puts a key back when it is taken off", async () => {
    await list(["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);
    await tenant.until("leaked", "Projected");
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept), tenant.line("leaked", leaked)]);
  });

  test("is told the number of a line that is no fingerprint, and the others hold", async () => {
    await list(["MD5:00:11", fingerprint]);
    await stage.operator.logged("RevokedKeysUnreadable", ({ line }) => line === 1);
    await isOut();
  });
});
