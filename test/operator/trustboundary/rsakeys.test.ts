import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SSHKeySpec } from "../../../src/api/sshkey.generated.ts";
import { encodeStrings } from "../../../src/ssh/wire.ts";
import { byOperator, readWrites, type Write } from "../../cluster/auditlog.ts";
import { eventually } from "../../cluster/eventually.ts";
import { inTurns } from "../../cluster/inturns.ts";
import { Random } from "../../ssh/random.ts";
import { makeProof } from "../../ssh/signer.ts";
import { soundModuli } from "../../ssh/weakness/soundmoduli.ts";
import { longestFraction, type MadeKey, rsaBlob } from "../../ssh/weakness/weakrsa.ts";
import { freshKey, freshRSAKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "../tenant.ts";
import { keyOwnerOf } from "./attacker.ts";
import { Bystander } from "./bystander.ts";

let stage: Stage;
const random = new Random(47);

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
});

afterAll(async () => {
  await stage.close();
});

/** 65,521 is the last of the small primes that are looked for; so they are Compromised, and no Secret is written. */
const LONG = soundModuli(random, 16_368, 1200).map((rest) => 65_521n * rest);
const FRACTIONS = soundModuli(random, 3072, 200);

/** SSHKeys whose keys take as long to examine as there are: by their length, with a proof to refute, and by their exponent. */
const SLOW: readonly Partial<SSHKeySpec>[] = [
  ...LONG.slice(0, 1000).map((modulus) => ({ key: line({ modulus, exponent: 65537n }) })),
  ...LONG.slice(1000).map((modulus) => withWrongProof({ modulus, exponent: 2n ** 32n - 1n })),
  ...FRACTIONS.map((modulus) => ({ key: line(longestFraction(modulus)) })),
];

describe("while 1,000 RSA keys of 16,384 bits and 400 others that are as slow to examine wait in one namespace", () => {
  let flooded: Tenant;
  let bystander: Bystander;
  let revoked: { readonly name: string; readonly secret: string };

  beforeAll(async () => {
    await stage.run();
    [flooded, bystander] = [await stage.tenant(), await Bystander.in(stage)];
    using attacker = await keyOwnerOf(flooded);
    // The watch has them all at once, and the marker last.
    stage.operator.child.kill("SIGSTOP");
    await inTurns(SLOW.length, 16, (index) =>
      attacker.tenant.create(`key-${index}`, { user: "alice", key: "", ...SLOW[index] }),
    );
    await bystander.tenant.create("marker", { user: "marker", key: freshKey() });
    stage.operator.child.kill("SIGCONT");
    await bystander.tenant.until("marker", "Projected");
    revoked = await bystander.livesOn(freshRSAKey(2048));
    const areExamined = async () =>
      (await flooded.list()).every(({ status }) => stateOf(status) === "Compromised");
    await eventually("the flood is over", areExamined, 2 * DEADLINE_MS);
  });

  test("another tenant's RSA key is in its Secret, and out of it again, while a tenth of them is examined at most", async () => {
    const all = await writes();
    const examined = all.filter(
      (write) => isStatus(write) && byOperator(write) && write.namespace === flooded.namespace,
    );
    const { namespace } = bystander.tenant;
    const names = [revoked.name, revoked.secret];
    const own = all.filter(
      (write) => write.namespace === namespace && names.includes(write.name) && !isStatus(write),
    );
    // The SSHKey, its Secret, the edit, the Secret without it.
    expect(own.map(({ resource, verb }) => `${verb} ${resource}`)).toEqual([
      "create sshkeys",
      "create secrets",
      "patch sshkeys",
      "patch secrets",
    ]);
    const [made = 0, added = 0, disabled = 0, removed = 0] = own.map(
      ({ resourceVersion }) => resourceVersion,
    );
    const countBetween = (from: number, to: number) =>
      examined.filter(({ resourceVersion }) => resourceVersion > from && resourceVersion < to).length;
    expect(countBetween(made, Number.POSITIVE_INFINITY)).toBeGreaterThan(SLOW.length / 4);
    expect(countBetween(made, added)).toBeLessThan(SLOW.length / 10);
    expect(countBetween(disabled, removed)).toBeLessThan(SLOW.length / 10);
  });

  test("does not keep an operator that starts from another tenant's keys: their own namespace waits alone", async () => {
    await stage.rest();
    for (const tenant of [flooded, bystander.tenant])
      await tenant.create("while-at-rest", { user: "carol", key: freshKey() });
    await stage.run();
    for (const tenant of [flooded, bystander.tenant]) await tenant.until("while-at-rest", "Projected");
    const found = (await writes()).filter(({ name }) => name === "sshkeys-carol");
    expect(found.map(({ namespace }) => namespace)).toEqual([bystander.tenant.namespace, flooded.namespace]);
  });
});

test("while five SSHKeys are edited from one RSA key of 16,384 bits to another as fast as the API server answers, another tenant's keys come in and go out", async () => {
  await stage.run();
  const [tenant, bystander] = [await stage.tenant(), await Bystander.in(stage)];
  using attacker = await keyOwnerOf(tenant);
  const keys = Array.from({ length: 10 }, () => freshRSAKey(16_384));
  let isOver = false;
  let edits = 0;
  const editing = inTurns(5, 5, async (index) => {
    const [name, user] = [`edited-${index}`, `user-${index}`];
    await attacker.tenant.create(name, { user, key: keys[index] ?? "" });
    for (let turn = 1; !isOver; turn += 1) {
      await attacker.tenant.edit(name, { key: keys[index + 5 * (turn % 2)] });
      edits += 1;
    }
    await attacker.tenant.edit(name, { key: keys[index] });
  });
  for (let life = 0; life < 5; life += 1) await bystander.livesOn(freshRSAKey(2048));
  isOver = true;
  await editing;
  expect(edits).toBeGreaterThan(5);
  for (const [index, key] of keys.slice(0, 5).entries())
    await tenant.untilFile(`sshkeys-user-${index}`, [tenant.line(`edited-${index}`, key)]);
});

/** In the order in which they took effect. */
async function writes(): Promise<readonly Write[]> {
  return await readWrites(stage.cluster.controlPlane.auditLog ?? "");
}

function isStatus({ resource, subresource }: Write): boolean {
  return resource === "sshkeys" && subresource === "status";
}

function line(key: MadeKey): string {
  return `ssh-rsa ${rsaBlob(key).toString("base64")}`;
}

function withWrongProof(key: MadeKey): Partial<SSHKeySpec> {
  const blob = rsaBlob(key);
  const signature = encodeStrings([Buffer.from("rsa-sha2-512"), Buffer.alloc(2048, 1)]);
  const proof = makeProof({ type: "ssh-rsa", blob, privateKeys: [] }, "alice", { sign: () => signature });
  return { key: line(key), proof };
}
