import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SECURITY_KEY_TYPES } from "../../src/ssh/keytype.ts";
import {
  makeKey,
  makeProof,
  makeSignature,
  publicKeyLine,
  type SigningKey,
  USER_PRESENT,
  USER_VERIFIED,
} from "../ssh/signer.ts";
import { exampleConfig } from "./example.ts";
import { findSSHD } from "./findsshd.ts";
import { startForgingAgent } from "./forgingagent.ts";
import { login } from "./login.ts";
import { startProjection } from "./projection.ts";
import { openFolder, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

const BOTH = USER_PRESENT | USER_VERIFIED;

/** Each of these SSHKeys does without a touch and without PIN: what comes behind that is what counts. */
const OPTIONS = ["no-touch-required", "no-verify-required"];

/** What comes behind them, by the flags of the proof. */
const LINES = [
  { asked: "nothing, without a proof", proof: undefined, required: [] },
  { asked: "nothing, as the proof shows nothing", proof: 0, required: [] },
  { asked: "a touch", proof: USER_PRESENT, required: ["touch-required"] },
  { asked: "PIN or biometric", proof: USER_VERIFIED, required: ["verify-required"] },
  { asked: "both", proof: BOTH, required: ["touch-required", "verify-required"] },
];

const CASES = SECURITY_KEY_TYPES.flatMap((type) => LINES.map((line) => ({ type, ...line }))).map(
  (each, index) => ({ ...each, user: `user-${index}` }),
);

let folder: string;
let server: SSHDProcess;
const files: Record<string, string> = {};
const keys = new Map<string, SigningKey>();
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const sshd = await findSSHD();
  folder = await openFolder();
  cleanups.push(() => rm(folder, { recursive: true }));
  const required = SECURITY_KEY_TYPES.map((type) => `    ${type}: [touch-required, verify-required]\n`);
  const projection = await startProjection(`policy:\n  requiredOptions:\n${required.join("")}`);
  cleanups.push(projection.stop);
  for (const { type, user, proof } of CASES) {
    const key = makeKey(type);
    keys.set(user, key);
    const spec = { user, key: publicKeyLine(key), options: OPTIONS };
    const proven = proof === undefined ? {} : { proof: makeProof(key, user, { flags: proof }) };
    await projection.put(user, { ...spec, ...proven }, "Projected");
    files[user] = (await projection.file(user)) ?? "";
  }
  const volume = await secretVolume(join(folder, "volume"));
  await volume.update(files);
  const config = await exampleConfig("bastion.yaml", volume.path);
  const accounts = CASES.map(({ user }) => ({ name: user }));
  server = await startSSHD({ sshd, config, accounts });
  cleanups.push(server.stop);
});

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

describe.each(SECURITY_KEY_TYPES)("a line of an %s key that asks for", (type) => {
  test.each(CASES.filter((each) => each.type === type))(
    "$asked: sshd takes the logins of which the authenticator says so, and no others",
    async ({ user, proof = 0, required }) => {
      expect(files[user]?.split(" ")[0]).toBe([...OPTIONS, ...required].join(","));
      const flags = [0, USER_PRESENT, USER_VERIFIED, BOTH];
      const accepted = await Promise.all(flags.map((each) => logsIn(user, each)));
      expect(accepted).toEqual(flags.map((each) => (each & proof) === proof));
    },
  );
});

/** With an authenticator that says this of the login. */
async function logsIn(user: string, flags: number): Promise<boolean> {
  const key = keys.get(user);
  if (key === undefined) throw new Error(`${user} has no key`);
  const file = join(folder, `${user}-${flags}.pub`);
  await writeFile(file, `${publicKeyLine(key)}\n`);
  const agent = await startForgingAgent(join(folder, `${user}-${flags}.agent`), key.blob, (data) =>
    makeSignature(key, data, { flags }),
  );
  try {
    return (await login(server, user, { file }, { agent: agent.socket })).accepted;
  } finally {
    await agent.stop();
  }
}
