import { chmod, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderOptions } from "../../src/ssh/options.ts";
import { exampleConfig } from "./example.ts";
import { findSSHD } from "./findsshd.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { type Login, type LoginOptions, login } from "./login.ts";
import { type Projection, startProjection } from "./projection.ts";
import { openFolder, type SecretVolume, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

/** A value of each option that sshd knows, and one at the limit of the API. */
const EACH_OPTION = [
  "agent-forwarding",
  "no-agent-forwarding",
  "port-forwarding",
  "no-port-forwarding",
  "pty",
  "no-pty",
  "restrict",
  "touch-required",
  "no-touch-required",
  "user-rc",
  "no-user-rc",
  "verify-required",
  "x11-forwarding",
  "no-x11-forwarding",
  'command="/usr/bin/backup --all"',
  'environment="LANG=C.UTF-8"',
  'from="127.0.0.0/8,192.0.2.7,::1,!10.0.0.0/8,*.example.com,2001:db8::/32"',
  'permitlisten="8080"',
  'permitlisten="localhost:*"',
  'permitopen="[2001:db8::1]:443"',
  'permitopen="db.example.com:*"',
  'tunnel="0"',
  'tunnel="any"',
  `command="${"x".repeat(1000)}"`,
];

/** How many lists of several options are tried. */
const MIXED = 36;
const VALUE = fc.string({ unit: fc.constantFrom(..."aZ0 ,\\\"'#=$`;|ü€{}%*~"), maxLength: 24 });
const LISTS = fc.sample(
  fc.uniqueArray(
    fc.oneof(
      VALUE.map((text) => `command="${text}"`),
      VALUE.map((text) => `environment="NAME=${text}"`),
      fc.constantFrom(...EACH_OPTION.filter((option) => !option.includes("="))),
      fc.constantFrom('from="127.*"', 'permitopen="localhost:22"', 'permitlisten="[::1]:80"'),
    ),
    { minLength: 1, maxLength: 6 },
  ),
  { numRuns: 400, seed: 20_260_102 },
);
const CASES = [...EACH_OPTION.map((option) => [option]), ...LISTS.filter(isAccepted).slice(0, MIXED)];
const NAMED = ["forced", "restricted", "elsewhere", "here", "free"];

let folder: string;
let key: KeyPair;
let projection: Projection;
let volume: SecretVolume;
let server: SSHDProcess;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const sshd = await findSSHD();
  folder = await openFolder();
  cleanups.push(() => rm(folder, { recursive: true }));
  projection = await startProjection("duplicateScope: User\n");
  cleanups.push(projection.stop);
  key = await ed25519(folder, "key");
  volume = await secretVolume(join(folder, "volume"));
  // Writes the command that sshd would have run in place of running it.
  const shell = join(folder, "shell");
  await writeFile(shell, `#!/bin/sh\nprintf %s "$2"\n`);
  await chmod(shell, 0o755);
  const config = await exampleConfig("bastion.yaml", volume.path);
  const accounts = [
    ...NAMED.map((name) => ({ name })),
    ...CASES.map((_options, index) => ({ name: `case-${index}`, shell })),
  ];
  server = await startSSHD({ sshd, config, accounts });
  cleanups.push(server.stop);
});

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

test("every line that the operator writes is one that sshd takes, with the very command that was asked for", async () => {
  await Promise.all(CASES.map((options, index) => project(`case-${index}`, options)));
  await mount(CASES.map((_options, index) => `case-${index}`));
  expect(CASES.length).toBe(EACH_OPTION.length + MIXED);
  const wrong: unknown[] = [];
  const remaining = CASES.entries();
  const lane = async () => {
    for (const [index, options] of remaining) {
      const { accepted, output } = await login(server, `case-${index}`, key, { command: "as asked" });
      const isRight = accepted && output === (forcedCommand(options) ?? "as asked");
      if (!isRight) wrong.push({ options, accepted, output });
    }
  };
  await Promise.all([lane(), lane(), lane()]);
  expect(wrong).toEqual([]);
});

describe("an option in the SSHKey is in force:", () => {
  test("command runs in place of what the client asks for", async () => {
    const options = ['command="echo forced, not $SSH_ORIGINAL_COMMAND"'];
    expect(await attempt("forced", options)).toMatchObject({ output: "forced, not echo in\n" });
  });

  test("restrict forbids forwarding, which is otherwise allowed", async () => {
    const listener = createServer((socket) => socket.end("through\n"));
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const address = listener.address();
    const port = typeof address === "object" ? address?.port : undefined;
    try {
      const forward: LoginOptions = { options: ["-W", `127.0.0.1:${port}`], command: undefined };
      expect(await attempt("free", [], forward)).toMatchObject({ output: "through\n" });
      const { messages } = await attempt("restricted", ["restrict"], forward);
      expect(messages).toContain("administratively prohibited");
    } finally {
      await new Promise((resolve) => listener.close(resolve));
    }
  });

  test("from refuses the key elsewhere", async () => {
    expect(await attempt("elsewhere", ['from="192.0.2.0/24"'])).toMatchObject({ accepted: false });
  });

  test("from takes the key there", async () => {
    expect(await attempt("here", ['from="127.0.0.0/8"'])).toMatchObject({ accepted: true });
  });
});

async function attempt(user: string, options: readonly string[], o?: LoginOptions): Promise<Login> {
  await project(user, options);
  await mount([user]);
  return login(server, user, key, o);
}

function project(user: string, options: readonly string[]): Promise<void> {
  return projection.put(user, { user, key: key.publicKey, options }, "Projected");
}

async function mount(users: readonly string[]): Promise<void> {
  const files: Record<string, string> = {};
  for (const user of users) files[user] = (await projection.file(user)) ?? "";
  await volume.update(files);
}

function isAccepted(options: readonly string[]): boolean {
  return renderOptions(options).ok;
}

/** As the SSHKey says it: between the quotes, where \" stands for ". */
function forcedCommand(options: readonly string[]): string | undefined {
  const option = options.find((each) => each.startsWith("command="));
  return option?.slice('command="'.length, -1).replaceAll('\\"', '"');
}
