import { describe, expect, it } from "vitest";
import { Claims } from "../../src/claims/claims.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import { accessChanges } from "../../src/projection/accesschanges.ts";
import type { LiveSecret } from "../../src/projection/secret.ts";
import { planUser } from "../../src/projection/userplan.ts";
import { UserTarget } from "../../src/projection/usertarget.ts";
import type { ExpiryTimeFormat } from "../../src/ssh/authorizedkeys.ts";
import { proof } from "../claims/keypairs.ts";
import { CREATED, type SSHKeyFacts, sshKeyRecord } from "../claims/sshkeys.ts";
import { fileIn, files, line, liveSecret, NOW } from "./secrets.ts";

interface Planned {
  readonly file: string;
  readonly states: Readonly<Record<string, string>>;
  readonly messages: Readonly<Record<string, string>>;
}

function plan(
  all: readonly SSHKeyFacts[],
  policy: Partial<Policy> = {},
  live?: LiveSecret,
  expiryTimeFormat: ExpiryTimeFormat = "WithZ",
  perUser = true,
): Planned {
  const rules = { ...DEFAULT_POLICY, ...policy };
  const claims = new Claims(rules);
  const target = new UserTarget("team-a", "sshkeys-alice");
  target.live = live;
  for (const facts of all) claims.put(sshKeyRecord(facts), NOW);
  for (const claim of claims.all()) target.verdicts.set(claim, undefined);
  const { desired, verdicts } = planUser(target, claims, rules, { expiryTimeFormat, perUser });
  return {
    file: fileIn(desired.files) ?? "",
    states: Object.fromEntries(Array.from(verdicts, ([{ record }, { state }]) => [record.name, state])),
    messages: Object.fromEntries(Array.from(verdicts, ([{ record }, { message }]) => [record.name, message])),
  };
}

const FIRST = { name: "z-first", key: 1, createdAt: CREATED };
const SECOND = { name: "a-second", key: 2, createdAt: CREATED + 1 };

describe("what a Secret should hold", () => {
  it("is the proven keys when there is no room for all", () => {
    const proven = { ...SECOND, proof: proof({ key: 2, user: "alice" }) };
    expect(plan([FIRST, proven], { maximumKeysPerUser: 1 }).file).toBe(line("a-second", 2));
  });

  it("is one line a key, by name", () => {
    expect(plan([FIRST, SECOND]).file).toBe(line("a-second", 2) + line("z-first", 1));
  });

  it("is one line for two SSHKeys of one key", () => {
    expect(plan([FIRST, { ...SECOND, key: 1 }]).file).toBe(line("z-first", 1));
  });

  it("is what the older claims have, when there are too many", () => {
    expect(plan([SECOND, FIRST], { maximumKeysPerUser: 1 }).file).toBe(line("z-first", 1));
  });
});

describe("a key that expires, after the operator was told to write the time in another format,", () => {
  const expiring = [{ ...FIRST, expiresAt: Date.UTC(2030, 0) }];
  const held = liveSecret(plan(expiring).file);

  it("is written in that format", () => {
    expect(plan(expiring, {}, held, "WithoutZ").file).toBe(
      line("z-first", 1, 'expiry-time="20300101000000" '),
    );
  });

  it("is Projected all the time", () => {
    expect(plan(expiring, {}, held, "WithoutZ").states).toEqual({ "z-first": "Projected" });
  });

  it("is not, if its line has another time", () => {
    const sooner = liveSecret(line("z-first", 1, 'expiry-time="20290101000000Z" '));
    expect(plan(expiring, {}, sooner, "WithoutZ").states).toEqual({ "z-first": "Pending" });
  });

  it("is a change of access to nobody", () => {
    const claims = new Claims(DEFAULT_POLICY);
    const target = new UserTarget("team-a", "sshkeys-alice");
    const after = plan(expiring, {}, held, "WithoutZ").file;
    expect([...accessChanges(target, claims, held.files ?? files(""), files(after))]).toEqual([]);
  });
});

/** 990 bytes each: 1,010 of them and no more have room. */
const wide = Array.from({ length: 1012 }, (_, i) => {
  const bytes = 990 - line(`k${i}`, i + 1, 'command="" ').length;
  const options = [`command="${"x".repeat(bytes)}"`];
  return { name: `k${i}`, key: i + 1, createdAt: CREATED + i, options };
});

describe("a key that has no place", () => {
  it("is SecretFull", () => {
    const { states } = plan([FIRST, SECOND], { maximumKeysPerUser: 1 }, liveSecret(line("z-first", 1)));
    expect(states).toEqual({ "z-first": "Projected", "a-second": "SecretFull" });
  });

  it("says that an older one has to go", () => {
    expect(plan([FIRST, SECOND], { maximumKeysPerUser: 1 }).messages["a-second"]).toContain(
      "delete one of them",
    );
  });

  it("is the one that makes the file too large, not those that came before", () => {
    const { states, file } = plan(wide, { maximumKeysPerUser: 5000 });
    expect(Buffer.byteLength(file)).toBeLessThanOrEqual(1_000_000);
    expect(Object.entries(states).filter(([, state]) => state === "SecretFull")).toEqual([
      ["k1010", "SecretFull"],
      ["k1011", "SecretFull"],
    ]);
  });

  it("does not keep a smaller, younger one out", () => {
    const small = { name: "small", key: 5000, createdAt: CREATED + 5000 };
    const { file } = plan([...wide, small], { maximumKeysPerUser: 5000 });
    expect(file.endsWith(line("small", 5000))).toBe(true);
  });
});

describe("a Secret that is not the operator's own", () => {
  it("makes every key that should be in it a SecretConflict", () => {
    const copy = liveSecret(line("z-first", 1), { ownership: "copy" });
    expect(plan([FIRST], {}, copy).states).toEqual({ "z-first": "SecretConflict" });
  });

  it("makes a key that it may still hold a SecretConflict", () => {
    const unlabelled = liveSecret("", { ownership: "unlabelled", files: undefined });
    expect(plan([{ ...FIRST, disabled: true }], {}, unlabelled).states).toEqual({
      "z-first": "SecretConflict",
    });
  });
});

describe("where there is no Secret for each user", () => {
  const NOT_KEPT = [{}, undefined, "WithZ", false] as const;

  it("a key in force is Accepted, and others are what they are", () => {
    const { states, file } = plan([FIRST, { ...SECOND, disabled: true }], ...NOT_KEPT);
    expect([states, file]).toEqual([{ "z-first": "Accepted", "a-second": "Disabled" }, ""]);
  });

  it("a key that is still in one is on its way out", () => {
    const { states, messages } = plan([FIRST], {}, liveSecret(line("z-first")), "WithZ", false);
    expect([states["z-first"], messages["z-first"]]).toEqual([
      "Pending",
      expect.stringContaining("must be removed"),
    ]);
  });

  it("somebody's own Secret of the name is no conflict", () => {
    const { states } = plan([FIRST], {}, liveSecret("", { ownership: "unlabelled" }), "WithZ", false);
    expect(states).toEqual({ "z-first": "Accepted" });
  });
});

describe("a line that a foreign hand changed", () => {
  it("is not taken for the key that should be there", () => {
    const { states } = plan([FIRST], {}, liveSecret(line("z-first", 1, "no-pty ")));
    expect(states).toEqual({ "z-first": "Pending" });
  });

  it("is still a line of an SSHKey that should be out", () => {
    const { states } = plan([{ ...FIRST, disabled: true }], {}, liveSecret(line("z-first", 9)));
    expect(states).toEqual({ "z-first": "Pending" });
  });
});
