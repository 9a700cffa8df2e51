import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import type { ConditionType } from "../../src/api/states.ts";
import { SECURITY_KEY_TYPES } from "../../src/ssh/keytype.ts";
import { run } from "../cluster/run.ts";
import { armor, makeKey, makeProof, publicKeyLine, USER_PRESENT, USER_VERIFIED } from "../ssh/signer.ts";
import { keyPair } from "../sshd/keypair.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { readyOf } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage.close();
});

describe("when proofs: Required comes over keys that are in their Secrets", () => {
  test("those with a proof stay without a write, the others leave", async () => {
    await stage.run();
    const [tenant, alice, key] = [await stage.tenant(), makeKey("ssh-ed25519"), freshKey()];
    const user = "alice";
    await tenant.create("proven", { user, key: publicKeyLine(alice), proof: makeProof(alice, user) });
    await tenant.create("unproven", { user: "bob", key });
    await tenant.until("proven", "Projected");
    await tenant.until("unproven", "Projected");
    await stage.allIsHandled();
    const [sshKey, secret] = [await tenant.read("proven"), await tenant.secret("sshkeys-alice")];

    await stage.run({ config: "policy: { proofs: Required }" });
    await tenant.untilFile("sshkeys-bob", []);
    const status = await tenant.until("unproven", "Unproven");
    await stage.isIdle();

    expect([await tenant.read("proven"), await tenant.secret("sshkeys-alice")]).toEqual([sshKey, secret]);
    expect(
      ["Ready", "Stalled", "Projected", "Proven"].map((type) => said(status, type as ConditionType)),
    ).toEqual([
      ["False", "Unproven"],
      ["True", "Unproven"],
      ["False", "Unproven"],
      ["False", "ProofMissing"],
    ]);
  });
});

describe("with proofs: Required", () => {
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "sshkey-operator-home-"));
    await mkdir(join(home, ".ssh"));
    await stage.run({ config: "policy: { proofs: Required }" });
  });

  afterAll(async () => {
    await rm(home, { recursive: true });
  });

  const COMMANDS: readonly (readonly [type: string, user: string])[] = [
    ["ed25519", "alice"],
    ["rsa", "alice@example.com"],
    ["ecdsa", "CN=Алиса Ω, O=日本/x"],
    ["ed25519", "-n $(touch pwned) `touch pwned`"],
    ["ed25519", "o'brien'; touch pwned; '\\''"],
    ["ed25519", '%s%n\\n"$HOME" # ! * ~'],
  ];

  test.each(COMMANDS)(
    "the message of an %s key of the user %s is a command that does it, and nothing else",
    async (type, user) => {
      const tenant = await stage.tenant();
      const name = `id_${type}`;
      await rm(join(home, ".ssh", name), { force: true });
      const pair = await keyPair(join(home, ".ssh"), name, [type]);
      await tenant.create("key", { user, key: pair?.publicKey ?? "" });
      const message = readyOf(await tenant.until("key", "Unproven"))?.message ?? "";
      const [, command = ""] = /behind -f: (.*)$/.exec(message) ?? [];
      const { stdout } = await run("sh", ["-c", command], { env: { ...process.env, HOME: home }, cwd: home });
      await tenant.edit("key", { proof: stdout });
      await tenant.until("key", "Projected", (status) => said(status, "Proven")[0] === "True");
      expect(existsSync(join(home, "pwned"))).toBe(false);
    },
  );

  test("a key leaves its Secret when its proof is taken away, and comes back with it", async () => {
    const [tenant, alice, user] = [await stage.tenant(), makeKey("ssh-ed25519"), "alice"];
    const [key, proof] = [publicKeyLine(alice), makeProof(alice, user)];
    await tenant.create("key", { user, key, proof });
    await tenant.untilFile("sshkeys-alice", [tenant.line("key", key)]);
    await tenant.edit("key", { proof: null });
    await tenant.untilFile("sshkeys-alice", []);
    await tenant.edit("key", { proof });
    await tenant.untilFile("sshkeys-alice", [tenant.line("key", key)]);
  });
});

describe("with a proofNamespace of one's own", () => {
  beforeAll(async () => {
    await stage.run({ config: "policy: { proofs: Required, proofNamespace: keys@example.com }" });
  });

  test("a proof for it is one", async () => {
    const [tenant, alice, user] = [await stage.tenant(), makeKey("ssh-ed25519"), "alice"];
    const proof = makeProof(alice, user, { namespace: "keys@example.com" });
    await tenant.create("key", { user, key: publicKeyLine(alice), proof });
    await tenant.until("key", "Projected");
  });

  test("a proof for another cluster is none, and the command has the right name", async () => {
    const [tenant, alice, user] = [await stage.tenant(), makeKey("ssh-ed25519"), "alice"];
    await tenant.create("key", { user, key: publicKeyLine(alice), proof: makeProof(alice, user) });
    const status = await tenant.until("key", "Unproven");
    expect([said(status, "Proven"), readyOf(status)?.message]).toEqual([
      ["False", "ProofInvalid"],
      expect.stringContaining("ssh-keygen -Y sign -n keys@example.com -f"),
    ]);
  });
});

describe("with requireUserVerification", () => {
  beforeAll(async () => {
    await stage.run({ config: "policy: { requireUserVerification: true }" });
  });

  describe.each(SECURITY_KEY_TYPES)("%s", (type) => {
    test.each([
      ["a proof with PIN or biometric", USER_PRESENT | USER_VERIFIED, "Projected", ["True", "Proven"]],
      ["a proof by touch alone", USER_PRESENT, "Unproven", ["False", "UserVerificationMissing"]],
    ] as const)("with %s is as status says", async (_what, flags, state, proven) => {
      const [tenant, key, user] = [await stage.tenant(), makeKey(type), "alice"];
      await tenant.create("key", { user, key: publicKeyLine(key), proof: makeProof(key, user, { flags }) });
      const status = await tenant.until("key", state);
      expect([said(status, "Proven"), status.proof]).toEqual([
        proven,
        { touched: true, userVerified: (flags & USER_VERIFIED) !== 0 },
      ]);
    });

    test("with a proof whose flags were changed later is none", async () => {
      const [tenant, key, user] = [await stage.tenant(), makeKey(type), "alice"];
      const signed = Buffer.from(makeProof(key, user).split("\n").slice(1, -2).join(""), "base64");
      signed[signed.length - 5] = USER_PRESENT | USER_VERIFIED;
      const proof = armor(signed);
      await tenant.create("key", { user, key: publicKeyLine(key), proof });
      const status = await tenant.until("key", "Unproven");
      expect([said(status, "Proven"), status.proof]).toEqual([["False", "ProofInvalid"], undefined]);
    });

    test("without a proof is told how to make one", async () => {
      const tenant = await stage.tenant();
      await tenant.create("key", { user: "alice", key: publicKeyLine(makeKey(type)) });
      const status = await tenant.until("key", "Unproven");
      expect(said(status, "Proven")).toEqual(["False", "ProofMissing"]);
    });
  });

  test("any other key needs no proof", async () => {
    const tenant = await stage.tenant();
    await tenant.create("key", { user: "alice", key: freshKey() });
    const status = await tenant.until("key", "Projected");
    expect(said(status, "Proven")).toEqual([undefined, undefined]);
  });
});

describe("with requiredOptions", () => {
  const REQUIRED = "[touch-required, verify-required]";

  beforeAll(async () => {
    const types = SECURITY_KEY_TYPES.map((type) => `${type}: ${REQUIRED}`);
    await stage.run({ config: `policy: { requiredOptions: { ${types.join(", ")} } }` });
  });

  describe.each(SECURITY_KEY_TYPES)("the line of an %s key asks for what its proof shows:", (type) => {
    test.each([
      ["nothing", 0, "no-touch-required"],
      ["a touch", USER_PRESENT, "no-touch-required,touch-required"],
      ["PIN or biometric", USER_VERIFIED, "no-touch-required,verify-required"],
      ["both", USER_PRESENT | USER_VERIFIED, "no-touch-required,touch-required,verify-required"],
    ])("%s", async (_what, flags, line) => {
      const [tenant, pair, user] = [await stage.tenant(), makeKey(type), "alice"];
      const options = ["no-touch-required"];
      await tenant.create("key", {
        user,
        key: publicKeyLine(pair),
        options,
        proof: makeProof(pair, user, { flags }),
      });
      await tenant.untilFile("sshkeys-alice", [tenant.line("key", publicKeyLine(pair), line)]);
    });

    test("nothing without a proof, and nothing by a proof that is none", async () => {
      const tenant = await stage.tenant();
      const [one, other] = [makeKey(type), makeKey(type)];
      const proof = makeProof(other, "alice", { flags: USER_PRESENT | USER_VERIFIED });
      await tenant.create("a", { user: "alice", key: publicKeyLine(one), proof });
      await tenant.create("b", { user: "alice", key: publicKeyLine(other) });
      await tenant.untilFile("sshkeys-alice", [
        tenant.line("a", publicKeyLine(one)),
        tenant.line("b", publicKeyLine(other)),
      ]);
    });
  });

  test("nothing of a key that is no security key", async () => {
    const [tenant, alice, user] = [await stage.tenant(), makeKey("ssh-ed25519"), "alice"];
    await tenant.create("key", { user, key: publicKeyLine(alice), proof: makeProof(alice, user) });
    await tenant.until("key", "Projected");
    await tenant.untilFile("sshkeys-alice", [tenant.line("key", publicKeyLine(alice))]);
  });
});

/** Status and reason of a condition. */
function said({ conditions = [] }: SSHKeyStatus, type: ConditionType) {
  const found = conditions.find((condition) => condition.type === type);
  return [found?.status, found?.reason] as const;
}
