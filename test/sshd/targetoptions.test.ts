import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lineOptions } from "../../src/authorizedkeys/lineoptions.ts";
import { parseTargetOptions, type TargetOptions } from "../../src/authorizedkeys/targetoptions.ts";
import { renderAuthorizedKey } from "../../src/ssh/authorizedkeys.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { ownLists, targetLists } from "../authorizedkeys/optionlists.ts";
import { sshdAllows } from "../authorizedkeys/sshdallows.ts";
import { accepted } from "../ssh/refusals.ts";
import { makeKey, makeSignature, publicKeyLine, USER_PRESENT, USER_VERIFIED } from "../ssh/signer.ts";
import { findSSHD } from "./findsshd.ts";
import { startForgingAgent } from "./forgingagent.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { openFolder } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

/** What a client got that asked for everything: each is a list of the places that it reached. */
interface Got {
  readonly ran: string | undefined;
  readonly pty: boolean;
  readonly open: readonly string[];
  readonly listen: readonly string[];
}

const ALICE = { user: "alice", namespace: "people", login: "alice" };
const NOTHING: Got = { ran: undefined, pty: false, open: [], listen: [] };
const ACCOUNTS = 100;
/** How many pairs of any options are tried. */
const PAIRS = 12;
/** The addresses of 127.0.0.0/8 are many, so that nobody else listens on the one that a login asks for. */
const LISTEN_PORTS = [10_001, 10_002];
const PLACES = ["1", "2"];

let folder: string;
let key: KeyPair;
let server: SSHDProcess;
let listeners: Server[];
let openPorts: number[];
let used = 0;
const seen = new Map<string, Promise<Got>>();
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await openFolder();
  cleanups.push(() => rm(folder, { recursive: true }));
  listeners = await Promise.all([listening(), listening()]);
  cleanups.push(() => Promise.all(listeners.map((each) => new Promise((done) => each.close(done)))));
  openPorts = listeners.map(portOf);
  key = await ed25519(folder, "key");
  const keys = join(folder, "keys");
  await mkdir(keys, { mode: 0o755 });
  // Writes the command that sshd would have run, and the terminal.
  const shell = join(folder, "shell");
  await writeFile(shell, `#!/bin/sh\nprintf '%s\\n' "$2"\ntty\n`);
  await chmod(shell, 0o755);
  server = await startSSHD({
    sshd: await findSSHD(),
    config: `AuthorizedKeysFile ${keys}/%u\nStrictModes no\nUsePAM no\nGatewayPorts clientspecified\nMaxStartups 100\n`,
    accounts: Array.from({ length: ACCOUNTS }, (_, index) => ({ name: `user-${index}`, shell })),
  });
  cleanups.push(server.stop);
});

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

describe("options of a target alone", () => {
  test("with none, sshd gives everything", async () => {
    expect(await got([], [])).toEqual(everything());
  });

  test.each([
    [["restrict"], { pty: false, open: [], listen: [] }],
    [["restrict", "pty"], { pty: true, open: [], listen: [] }],
    [["restrict", "port-forwarding"], { pty: false, open: ["1", "2"], listen: ["1", "2"] }],
    [["restrict", "port-forwarding", open(1)], { pty: false, open: ["1"], listen: ["1", "2"] }],
    [[listen(1)], { pty: true, open: ["1", "2"], listen: ["1"] }],
    [['command="serve %u of %n, 100%%"'], { ran: "serve alice of people, 100%" }],
  ])("%j have sshd give %j", async (target, expected) => {
    expect(await got(target, [])).toMatchObject(expected);
  });
});

/** Why SSHKeys with such options are left out. */
describe("without that rule sshd would let options of a target", () => {
  test.each([
    [["restrict"], "pty", { pty: true }],
    [["no-pty"], "pty", { pty: true }],
    [["restrict", "pty"], "port-forwarding", { open: ["1", "2"], listen: ["1", "2"] }],
    [["no-port-forwarding"], "port-forwarding", { open: ["1", "2"], listen: ["1", "2"] }],
    [["restrict", "port-forwarding", open(1)], open(2), { open: ["1", "2"] }],
    [["restrict", "port-forwarding", listen(1)], listen(2), { listen: ["1", "2"] }],
    [['command="a"'], 'command="b"', NOTHING],
    [['from="127.0.0.1"'], 'from="127.0.0.0/8"', NOTHING],
  ])("%j be undone by %s, or take no login", async (target, own, expected) => {
    const together = [...target, own].join(",");
    expect(await observed(together)).toMatchObject(expected);
    expect(lineOptions(read(target), ownText([own]), ALICE)).toMatchObject({
      refusal: { reason: "OptionsConflict" },
    });
  });
});

describe("an SSHKey's own options that follow a target's are in force:", () => {
  const forwards = ["restrict", "pty", "port-forwarding"];
  test.each([
    [["pty"], ["restrict"], { pty: false, open: [], listen: [] }],
    [forwards, ["restrict"], { pty: false, open: [], listen: [] }],
    [forwards, ["restrict", "pty"], { pty: true, open: [], listen: [] }],
    [['command="a"'], ["restrict", "pty"], { ran: "a", pty: true, open: [] }],
    [forwards, ["no-pty"], { pty: false, open: ["1", "2"], listen: ["1", "2"] }],
    [forwards, ["no-port-forwarding"], { pty: true, open: [], listen: [] }],
    [forwards, [open(1)], { open: ["1"], listen: ["1", "2"] }],
    [forwards, [listen(2)], { open: ["1", "2"], listen: ["2"] }],
    [[open(1)], [listen(2)], { open: ["1"], listen: ["2"] }],
    [[listen(2)], [open(1)], { open: ["1"], listen: ["2"] }],
    [["restrict"], [open(1), listen(1)], { open: [], listen: [] }],
    [["restrict"], ['command="own"'], { ran: "own", pty: false }],
    [['command="serve %u"'], ['from="127.0.0.0/8"'], { ran: "serve alice" }],
    [["restrict"], ['from="192.0.2.0/24"'], NOTHING],
    [['from="192.0.2.0/24"'], ["restrict"], NOTHING],
  ])("a target with %j and an SSHKey with %j have sshd give %j", async (target, own, expected) => {
    expect(await got(target, own)).toMatchObject(expected);
  });

  test("touch-required asks for the touch that the target does without", async () => {
    const target = ["no-touch-required"];
    expect(await takesSecurityKey(target, [], 0)).toBe(true);
    expect(await takesSecurityKey(target, ["touch-required"], 0)).toBe(false);
    expect(await takesSecurityKey(target, ["touch-required"], USER_PRESENT)).toBe(true);
  });

  test("verify-required asks for PIN or biometric", async () => {
    expect(await takesSecurityKey([], ["verify-required"], USER_PRESENT)).toBe(false);
    expect(await takesSecurityKey([], ["verify-required"], USER_PRESENT | USER_VERIFIED)).toBe(true);
  });
});

describe("for any options of a target and of an SSHKey that get a line", () => {
  const pairs = somePairs();

  test("there are enough of them, in which the SSHKey's own options take something away", () => {
    expect(pairs.length).toBe(PAIRS);
  });

  test("sshd gives by the line what the rules for sshd say, and never more than by the target's options", async () => {
    const wrong: unknown[] = [];
    const remaining = pairs.values();
    const lane = async () => {
      for (const { target, own } of remaining) {
        const line = lineText(target, own);
        const [byLine, byTarget] = [await observed(line), await observed(lineText(target, []))];
        const isAsTold = JSON.stringify(byLine) === JSON.stringify(told(line));
        if (!isAsTold || !isNoMore(byLine, byTarget))
          wrong.push({ line, byLine, told: told(line), byTarget });
      }
    };
    await Promise.all([lane(), lane(), lane()]);
    expect(wrong).toEqual([]);
  });
});

function got(target: readonly string[], own: readonly string[]): Promise<Got> {
  return observed(lineText(target, own));
}

function lineText(target: readonly string[], own: readonly string[]): string {
  const line = lineOptions(read(target), ownText(own), ALICE);
  if (!line.ok) throw new Error(line.refusal.message);
  return line.value;
}

function read(options: readonly string[]): TargetOptions {
  return accepted(parseTargetOptions(options, "FilePerLogin"));
}

function ownText(options: readonly string[]): string {
  return accepted(renderOptions(options));
}

/** In the options of these tests places are 1 and 2; which they are is known once something listens. */
function open(place: number): string {
  return `permitopen="localhost:${place}"`;
}

function listen(place: number): string {
  return `permitlisten="localhost:${place}"`;
}

/** Logs in by a line with these options and asks for everything. Each text is tried once. */
function observed(options: string): Promise<Got> {
  const before = seen.get(options);
  if (before !== undefined) return before;
  const index = used++;
  const now = observe(
    options,
    `user-${index}`,
    `127.${(process.pid >> 8) & 255}.${process.pid & 255}.${index + 1}`,
  );
  seen.set(options, now);
  return now;
}

async function observe(options: string, user: string, address: string): Promise<Got> {
  const [p1, p2] = openPorts;
  const [l1, l2] = LISTEN_PORTS;
  const text = options
    .replaceAll('permitopen="localhost:1"', `permitopen="127.0.0.1:${p1}"`)
    .replaceAll('permitopen="localhost:2"', `permitopen="127.0.0.1:${p2}"`)
    .replaceAll('permitlisten="localhost:1"', `permitlisten="${address}:${l1}"`)
    .replaceAll('permitlisten="localhost:2"', `permitlisten="${address}:${l2}"`);
  await authorize(user, text, key.publicKey);
  const remote = LISTEN_PORTS.flatMap((port) => ["-R", `${address}:${port}:127.0.0.1:${p1}`]);
  const asked = { command: "as asked", options: remote };
  const session = await login(server, user, key, asked);
  if (!session.accepted) return NOTHING;
  const forward = (port: number) => ({ command: undefined, options: ["-W", `127.0.0.1:${port}`] });
  const [terminal, ...forwarded] = await Promise.all([
    // The client ends at once where the server gives it none.
    login(server, user, key, { options: ["-tt"] }),
    ...openPorts.map((port) => login(server, user, key, forward(port))),
  ]);
  return {
    ran: session.output.split("\n", 1)[0],
    pty: /^\/dev\//m.test(terminal.output),
    open: PLACES.filter((_, index) => forwarded[index]?.output === "through\n"),
    listen: PLACES.filter((_, index) => isListening(session.messages, LISTEN_PORTS[index] ?? 0)),
  };
}

/** Throws if the server does not say that the options are why it does not listen. */
function isListening(messages: string, port: number): boolean {
  if (new RegExp(`remote forward success for: listen [0-9.]+:${port},`).test(messages)) return true;
  if (/Remote: (Server has disabled port forwarding|port forwarding refused)/.test(messages)) return false;
  throw new Error(`port ${port} was neither forwarded nor refused: ${messages}`);
}

async function authorize(user: string, options: string, publicKey: string): Promise<void> {
  const { type, blob } = accepted(parsePublicKey(publicKey));
  const line = renderAuthorizedKey({
    options,
    type,
    base64: blob.toString("base64"),
    comment: "people/alice",
  });
  await writeFile(join(folder, "keys", user), `${line}\n`, { mode: 0o644 });
}

async function takesSecurityKey(
  target: readonly string[],
  own: readonly string[],
  flags: number,
): Promise<boolean> {
  const user = `user-${used++}`;
  const made = makeKey("sk-ssh-ed25519@openssh.com");
  await authorize(user, lineText(target, own), publicKeyLine(made));
  const file = join(folder, `${user}.pub`);
  await writeFile(file, `${publicKeyLine(made)}\n`);
  const agent = await startForgingAgent(join(folder, `${user}.agent`), made.blob, (data) =>
    makeSignature(made, data, { flags }),
  );
  try {
    return (await login(server, user, { file }, { agent: agent.socket })).accepted;
  } finally {
    await agent.stop();
  }
}

/** What the rules for sshd say of a line, for this client. */
function told(line: string): Got {
  const allowed = sshdAllows(line);
  if (allowed === undefined || (allowed.from !== undefined && !allowed.from.startsWith("127.")))
    return NOTHING;
  const places = (permitted: ReadonlySet<string> | undefined) =>
    PLACES.filter(
      (place) => allowed.forwarding && (permitted === undefined || permitted.has(`localhost:${place}`)),
    );
  return {
    ran: allowed.command ?? "as asked",
    pty: allowed.pty,
    open: places(allowed.open),
    listen: places(allowed.listen),
  };
}

function everything(): Got {
  return { ran: "as asked", pty: true, open: ["1", "2"], listen: ["1", "2"] };
}

function isNoMore(one: Got, other: Got): boolean {
  return (
    (one.ran === undefined || other.ran === "as asked" || one.ran === other.ran) &&
    (other.ran !== undefined || one.ran === undefined) &&
    (!one.pty || other.pty) &&
    one.open.every((place) => other.open.includes(place)) &&
    one.listen.every((place) => other.listen.includes(place))
  );
}

interface PairOfLists {
  readonly target: readonly string[];
  readonly own: readonly string[];
}

function somePairs(): readonly PairOfLists[] {
  const found = new Map<string, PairOfLists>();
  for (const [target, own] of fc.sample(fc.tuple(targetLists, ownLists), {
    numRuns: 4_000,
    seed: 20_260_103,
  })) {
    const parsed = parseTargetOptions(target, "FilePerLogin");
    const text = renderOptions(own);
    if (!parsed.ok || !text.ok) continue;
    const [line, alone] = [text.value, ""].map((each) => lineOptions(parsed.value, each, ALICE));
    if (line?.ok && alone?.ok && line.value !== alone.value) found.set(line.value, { target, own });
  }
  return [...found.values()].slice(0, PAIRS);
}

function listening(): Promise<Server> {
  const server = createServer((socket) => socket.end("through\n"));
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function portOf(listener: Server): number {
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("a listener has no port");
  return address.port;
}
