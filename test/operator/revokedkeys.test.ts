import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { Leak } from "./leak.ts";
import { readyOf } from "./tenant.ts";

const FILE = "revoked";

let leak: Leak;
let fingerprint: string;

beforeAll(async () => {
  leak = await Leak.open({
    config: (folder) => `revokedKeys: ${folder}/${FILE}`,
    state: "Revoked",
    file: FILE,
  });
  fingerprint = await leak.fingerprint();
});

afterAll(async () => {
  await leak.close();
});

async function list(lines: readonly string[]): Promise<void> {
  await leak.put(FILE, lines.map((line) => `${line}\n`).join(""));
}

async function untilUnreadable(is: 0 | 1): Promise<void> {
  await eventually(`sshkey_operator_revoked_keys_unreadable is ${is}`, async () => {
    const { value } = await leak.stage.operator.scrape();
    return value("sshkey_operator_revoked_keys_unreadable") === is;
  });
}

describe("the list of revoked keys", () => {
  test("takes a key out without a restart, and the status says why and what to do", async () => {
    await list(["# leaked on a laptop", "", `${fingerprint}  # alice's`]);
    const status = await leak.untilOut();
    expect(readyOf(status)?.message).toMatch(/revoked/);
    expect(status.conditions?.find(({ type }) => type === "Stalled")?.status).toBe("True");
    expect(status.conditions?.find(({ type }) => type === "Valid")?.status).toBe("True");
  });

  test("holds after a restart, and for SSHKeys that are made later", async () => {
    await leak.restart();
    await leak.untilOut();
    await leak.staysOut();
  });

  test("holds as it was while it cannot be read, which is told", async () => {
    await leak.remove(FILE);
    await leak.stage.operator.logged("RevokedKeysUnreadable", ({ problem }) => problem === "ENOENT");
    await leak.stage.allIsHandled();
    await leak.untilOut();
  });

  test("is counted as unreadable until it can be read", async () => {
    await untilUnreadable(1);
    await list([fingerprint]);
    await untilUnreadable(0);
  });

  test("puts a key back when it is taken off", async () => {
    await list(["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);
    await leak.untilBack();
  });

  test("is told the number of a line that is no fingerprint, and the others hold", async () => {
    await list(["MD5:00:11", fingerprint]);
    await leak.stage.operator.logged("RevokedKeysUnreadable", ({ line }) => line === 1);
    await leak.untilOut();
  });

  test("is counted as unreadable while a line is no fingerprint", async () => {
    await untilUnreadable(1);
    await list([fingerprint]);
    await untilUnreadable(0);
  });
});
