import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { validateUser } from "../../src/api/rules.ts";
import { proofCommand, readProof, verified } from "../../src/claims/proof.ts";
import type { KeyFacts } from "../../src/claims/record.ts";
import type { KeyType } from "../../src/ssh/keytype.ts";
import { run } from "../cluster/run.ts";
import { Random } from "../ssh/random.ts";
import {
  makeKey,
  makeSignature,
  NAMESPACE,
  publicKeyLine,
  USER_PRESENT,
  USER_VERIFIED,
} from "../ssh/signer.ts";
import { startForgingAgent } from "../sshd/forgingagent.ts";
import { keyPair } from "../sshd/keypair.ts";
import { keyFacts } from "./keyfacts.ts";

/** What ssh-keygen is asked for, and the name that it gives the file. */
const SOFTWARE_KEYS: readonly (readonly [file: string, type: KeyType, bits: string])[] = [
  ["id_ed25519", "ssh-ed25519", "256"],
  ["id_ecdsa", "ecdsa-sha2-nistp256", "256"],
  ["id_ecdsa", "ecdsa-sha2-nistp384", "384"],
  ["id_ecdsa", "ecdsa-sha2-nistp521", "521"],
  ["id_rsa", "ssh-rsa", "2048"],
  ["id_rsa", "ssh-rsa", "3072"],
];
const USERS = 150;
const PRINTF = "printf %s ";
/** Of each user, so many others are tried. */
const OTHERS = 15;
/** At once. */
const SHELLS = 3;

/** A folder for HOME with a key in it. */
interface Home {
  readonly path: string;
  readonly file: string;
  readonly key: KeyFacts;
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sshkey-operator-proof-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function openHome(): string {
  const path = mkdtempSync(join(folder, "home-"));
  mkdirSync(join(path, ".ssh"));
  return path;
}

async function makeHome([name, type, bits]: (typeof SOFTWARE_KEYS)[number]): Promise<Home> {
  const path = openHome();
  const kind = name.slice("id_".length);
  const pair = await keyPair(join(path, ".ssh"), name, [kind, "-b", bits]);
  if (pair === undefined) throw new Error(`this ssh-keygen makes no ${type} keys`);
  return { path, file: pair.file, key: keyFacts(pair.publicKey) };
}

/** What the command prints where HOME is that folder. */
async function outputOf(command: string, home: string, agent?: string): Promise<string> {
  const { SSH_AUTH_SOCK: _theirs, ...inherited } = process.env;
  const env = { ...inherited, HOME: home, ...(agent === undefined ? {} : { SSH_AUTH_SOCK: agent }) };
  const { code, stdout, stderr } = await run("sh", ["-c", command], { env });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

function proofOf(text: string, user: string, key: KeyFacts) {
  return verified(readProof(text, user, key, NAMESPACE, undefined));
}

describe.each(SOFTWARE_KEYS)("the command for %s of type %s and %s bits", (...kind) => {
  let home: Home;
  let command: string;

  beforeEach(async () => {
    home = await makeHome(kind);
    command = proofCommand("alice", home.key.type, NAMESPACE);
  });

  test.each(["sha256", "sha512"])("proves the key, also where %s is asked for", async (hash) => {
    const withHash = command.replace("-Y sign", `-Y sign -O hashalg=${hash}`);
    for (const each of [command, withHash]) {
      expect(proofOf(await outputOf(each, home.path), "alice", home.key)).toMatchObject({
        result: "Proven",
        authenticator: undefined,
      });
    }
  });

  test("proves the key by an agent, where only its public half is in the file", async () => {
    await rename(home.file, join(home.path, "added"));
    for (const each of [command, command.replace(/ -$/, ".pub -")]) {
      const byAgent = `ssh-agent sh -c 'ssh-add -q ~/added && sh -c "$0"' ${quoted(each)}`;
      const text = await outputOf(byAgent, home.path);
      expect(proofOf(text, "alice", home.key)).toMatchObject({ result: "Proven" });
    }
  });
});

describe.each([
  ["id_ed25519_sk", "sk-ssh-ed25519@openssh.com"],
  ["id_ecdsa_sk", "sk-ecdsa-sha2-nistp256@openssh.com"],
] as const)("the command for %s, a security key", (name, type) => {
  test.each([
    [USER_PRESENT, { touched: true, userVerified: false }],
    [USER_PRESENT | USER_VERIFIED, { touched: true, userVerified: true }],
  ])("proves the key by an agent whose authenticator sets the flags %i", async (flags, authenticator) => {
    const home = openHome();
    const key = makeKey(type);
    writeFileSync(join(home, ".ssh", `${name}.pub`), `${publicKeyLine(key)}\n`);
    const agent = await startForgingAgent(join(home, "agent"), key.blob, (data) =>
      makeSignature(key, data, { flags, counter: 7 }),
    );
    try {
      const text = await outputOf(proofCommand("alice", type, NAMESPACE), home, agent.socket);
      expect(proofOf(text, "alice", keyFacts(publicKeyLine(key)))).toMatchObject({
        result: "Proven",
        authenticator,
      });
    } finally {
      await agent.stop();
    }
  });
});

test(`the command proves the user whose name is in it and no other, for ${USERS} hostile names`, async () => {
  const home = await makeHome(["id_ed25519", "ssh-ed25519", "256"]);
  const names = hostileUsers();
  const before = readdirSync(home.path, { recursive: true }).toSorted();
  const texts: string[] = [];
  await Promise.all(
    Array.from({ length: SHELLS }, async (_, shell) => {
      for (let at = shell; at < names.length; at += SHELLS) {
        texts[at] = await outputOf(proofCommand(names[at] ?? "", home.key.type, NAMESPACE), home.path);
      }
    }),
  );
  const random = new Random(1);
  const proven = texts.map((text, at) => {
    const own = names[at] ?? "";
    const others = Array.from({ length: OTHERS }, () => random.pick(names));
    const asked = [...new Set([own, ...others])];
    return asked.filter((name) => proofOf(text, name, home.key).result === "Proven");
  });
  expect(proven).toEqual(names.map((name) => [name]));
  expect(readdirSync(home.path, { recursive: true }).toSorted()).toEqual(before);
});

test("pasted into fish or PowerShell, the command runs nothing of the name", () => {
  const words = hostileUsers().map((user) =>
    proofCommand(user, "ssh-ed25519", NAMESPACE).slice(PRINTF.length),
  );
  const open = words.filter(
    (word) => !/^([A-Za-z0-9@._+-]+|('[^'\\‘’‚‛]*'|"(['‘’‚‛]|\\\\)+")+) \| /.test(word),
  );
  expect(open).toEqual([]);
});

test.each(["alice", "alice@example.com", "a.b_c+d-e", "-n", "42"])(
  "the command has no quotes that a person would have to understand around %s",
  (user) => {
    expect(proofCommand(user, "ssh-ed25519", NAMESPACE)).toBe(
      `printf %s ${user} | ssh-keygen -Y sign -n ${NAMESPACE} -f ~/.ssh/id_ed25519 -`,
    );
  },
);

/** Different names that an SSHKey may have, of pieces that mean something to a shell, to printf or to ssh-keygen. */
function hostileUsers(): string[] {
  const random = new Random(20_250_117);
  const names = new Set<string>(PIECES.filter((piece) => validateUser(piece) === undefined));
  while (names.size < USERS) {
    const name = Array.from({ length: 1 + random.below(6) }, () => random.pick(PIECES)).join("");
    if (validateUser(name) === undefined) names.add(name);
  }
  return [...names];
}

const PIECES = [
  ...["'", '"', "''", "'\\''", "\\", "\\\\", "\\n", "\\c", "\\0", "%", "%s", "%%", "%n", "%1$s"],
  ...["$(touch x)", "`touch x`", "$HOME", `\${HOME}`, "$$", "$", "!", "!!", "#", ";", "&", "&&touch x", "|"],
  ...[">x", "<x", "(", ")", "{a,b}", "*", "?", "[a]", "~", "~root", "=", "^", " ", "  ", "-", "--", "-n"],
  ...[
    "-v",
    "--help",
    "/",
    "..",
    "alice",
    "Alice",
    "alice@example.com",
    "é",
    "日本",
    "\u{1f511}",
    "Ω",
    "\u00a0",
    "‘",
    "’",
    "‚",
    "‛",
  ],
];

/** As one word for sh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
