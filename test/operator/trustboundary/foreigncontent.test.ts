import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATION } from "../../../src/api/names.ts";
import { secretsPath } from "../../../src/api/paths.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { readyOf, type Tenant } from "../tenant.ts";
import { type Attacker, editorOf } from "./attacker.ts";
import { Bystander } from "./bystander.ts";

/** What V8 may keep, in MiB: less than the pieces of twelve files of junk would need. */
const SMALL_HEAP_MIB = 64;

let stage: Stage;
let bystander: Bystander;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  bystander = await Bystander.in(stage);
});

afterAll(async () => {
  await stage.close();
});

/** A key of the bystander that the attacker has read somewhere, as everybody can. */
const KNOWN_KEY = freshKey();

const CONTENTS: readonly (readonly [what: string, content: (namespace: string) => Buffer])[] = [
  ["183 bytes that make a careless regular expression backtrack", () => text(`${'\\""'.repeat(60)} x\n`)],
  ["binary", () => randomBytes(100_000)],
  ["a million commas", () => text(`${",".repeat(1_000_000)}\n`)],
  ["a million quotes", () => text(`${'"'.repeat(1_000_000)}\n`)],
  ["another tenant's key as a line of this namespace", (namespace) => text(`${KNOWN_KEY} ${namespace}/x\n`)],
  [
    "another tenant's key as a line of its own namespace",
    () => text(`${KNOWN_KEY} ${bystander.tenant.namespace}/key-1\n`),
  ],
  ["nothing", () => text("")],
];

describe.each(CONTENTS)("a Secret with the label that holds %s", (_what, content) => {
  let victim: Tenant;
  let attacker: Attacker;

  beforeAll(async () => {
    victim = await stage.tenant();
    attacker = await editorOf(victim);
    for (const isOwn of [true, false]) {
      for (const immutable of [true, false]) {
        const user = userOf(isOwn, immutable);
        for (const name of [`sshkeys-${user}`, `sshkeys-un${user}`]) {
          await label(attacker.tenant, name, content(victim.namespace), { isOwn, immutable });
        }
      }
    }
  });

  afterAll(() => {
    attacker[Symbol.dispose]();
  });

  test("holds up no other tenant, and takes the key from nobody", async () => {
    await bystander.livesOn(KNOWN_KEY);
  });

  test("is overwritten where it is the wanted one, if it says that it is the operator's", async () => {
    const key = freshKey();
    await attacker.tenant.create("wanted", { user: userOf(true, false), key });
    await victim.until("wanted", "Projected");
    await victim.untilFile(`sshkeys-${userOf(true, false)}`, [victim.line("wanted", key)]);
  });

  test("is a SecretConflict where it is the wanted one and immutable", async () => {
    await attacker.tenant.create("immutable", { user: userOf(true, true), key: freshKey() });
    const status = await victim.until("immutable", "SecretConflict");
    expect(readyOf(status)?.message).toContain("is immutable");
  });

  test.each([true, false])(
    "is a SecretConflict and left alone where it does not say that it is the operator's (immutable: %s)",
    async (immutable) => {
      const user = userOf(false, immutable);
      const before = await victim.secret(`sshkeys-${user}`);
      await attacker.tenant.create(user, { user, key: freshKey() });
      const status = await victim.until(user, "SecretConflict");
      expect(readyOf(status)?.message).toContain("kubectl delete secret");
      expect(await victim.secret(`sshkeys-${user}`)).toEqual(before);
    },
  );

  test("is never a holder of its key: whoever has it in the same namespace is projected", async () => {
    await attacker.tenant.create("known", { user: "carol", key: KNOWN_KEY });
    await victim.until("known", "Projected");
  });

  test("holds up nobody after a restart either", async () => {
    await stage.run();
    await bystander.livesOn(KNOWN_KEY);
  });
});

test(`twelve immutable Secrets of a megabyte of junk lines each fit into a heap of ${SMALL_HEAP_MIB} MiB`, async () => {
  const small = { env: { NODE_OPTIONS: `--max-old-space-size=${SMALL_HEAP_MIB}` } };
  await stage.run(small);
  const victim = await stage.tenant();
  using attacker = await editorOf(victim);
  for (let index = 0; index < 12; index += 1) {
    const options = { isOwn: index % 2 === 0, immutable: true };
    await label(attacker.tenant, `sshkeys-junk-${index}`, junkLines(), options);
  }
  await bystander.livesOn();
  await stage.allIsHandled();
  // One that runs out of memory ends with SIGABRT, and nothing starts it again.
  expect(await stage.rest()).toBe(0);
  await stage.run(small);
  await bystander.livesOn();
  await stage.allIsHandled();
  expect(await stage.rest()).toBe(0);
});

function userOf(isOwn: boolean, immutable: boolean): string {
  return `${isOwn ? "own" : "bare"}-${immutable ? "frozen" : "free"}`;
}

/** Makes a Secret with the installation's label; `isOwn`: and with the annotation that the operator's own have. */
async function label(
  tenant: Tenant,
  name: string,
  content: Buffer,
  { isOwn, immutable }: { readonly isOwn: boolean; readonly immutable: boolean },
): Promise<void> {
  const annotations = isOwn ? { [SECRET_ANNOTATION]: `${tenant.namespace}/${name}` } : {};
  await tenant.send("POST", secretsPath(tenant.namespace), {
    metadata: { name, labels: { [MANAGED_LABEL]: "default" }, annotations },
    data: { authorized_keys: content.toString("base64") },
    immutable,
  });
}

/** A little less than a Secret can hold, in lines of which each looks like a key and its comment. */
function junkLines(): Buffer {
  const lines: string[] = [];
  let size = 0;
  for (let index = 0; size < 2 ** 20 - 200; index += 1) {
    const line = `${index.toString(36)} \n`;
    lines.push(line);
    size += line.length;
  }
  return text(lines.join(""));
}

function text(content: string): Buffer {
  return Buffer.from(content, "utf8");
}
