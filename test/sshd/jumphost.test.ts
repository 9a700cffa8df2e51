import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spawnChild } from "../../controlplane/child.ts";
import { AUTHORIZED_KEYS_KIND } from "../../src/api/names.ts";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { BASTION_EXAMPLES, exampleConfig, exampleObjects, known } from "./example.ts";
import { findSSHD } from "./findsshd.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { openFolder, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

/** What the options of jump.yaml would let a client have, on a sshd that closes nothing: does it get it? */
type Attempt = (server: SSHDProcess) => Promise<boolean>;

const LEFT_OPEN: Record<string, Attempt> = {
  "run a command": async (server) => (await login(server, "jump", key)).output === "in\n",
  "listen on the server (-R)": (server) => mayForward(server, ["-R", `0:127.0.0.1:${portOf(listener)}`]),
  "listen on a Unix socket of the server (-R)": (server) =>
    mayForward(server, ["-R", `${join(shared, `remote-${server.port}`)}:127.0.0.1:${portOf(listener)}`]),
  "reach a Unix socket of the server (-L)": async (server) => {
    const local = join(folder, `local-${server.port}`);
    return withForward(server, ["-L", `${local}:${socket}`], () => answers(local));
  },
  "reach other ports than sshd's (-L)": async (server) =>
    (await throughTo(server, portOf(other))) === "through\n",
};

let folder: string;
/** Where sshd's user may make files, too. */
let shared: string;
let socket: string;
let key: KeyPair;
/** As jump.yaml configures it, but that it lets people through to the port of `inner`. */
let jump: SSHDProcess;
/** With the same keys and options, and a sshd_config that closes nothing. */
let plain: SSHDProcess;
/** A host behind them. */
let inner: SSHDProcess;
let listener: Server;
let other: Server;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const sshd = await findSSHD();
  folder = await openFolder();
  cleanups.push(() => rm(folder, { recursive: true }));
  key = await ed25519(folder, "key");
  [listener, other] = [
    await listening({ port: 0, host: "127.0.0.1" }),
    await listening({ port: 0, host: "127.0.0.1" }),
  ];
  shared = join(folder, "shared");
  await mkdir(shared);
  await chmod(shared, 0o777);
  socket = join(shared, "socket");
  await listening({ path: socket, readableAll: true, writableAll: true });
  const keys = await secretVolume(join(folder, "keys"));
  await keys.update({ authorized_keys: `${await lineOptions()} ${key.publicKey}\n` });
  const everything = `AuthorizedKeysCommand /usr/bin/cat ${keys.path}/authorized_keys\nAuthorizedKeysCommandUser nobody\nUsePAM no`;
  const unrestricted = await secretVolume(join(folder, "unrestricted"));
  await unrestricted.update({ authorized_keys: `${key.publicKey}\n` });
  const start = async (config: string) => {
    const server = await startSSHD({ sshd, config, accounts: [{ name: "jump" }, { name: "alice" }] });
    cleanups.push(server.stop);
    return server;
  };
  inner = await start(everything.replaceAll(keys.path, unrestricted.path));
  plain = await start(everything);
  const config = (await exampleConfig("jump.yaml", keys.path, BASTION_EXAMPLES)).replace(
    "PermitOpen *:22",
    `PermitOpen *:${inner.port}`,
  );
  jump = await start(known(config, sshd));
});

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

test("ssh -J leads through the jump host to another one", async () => {
  const file = join(folder, "config");
  await writeFile(file, clientConfig());
  const { code, stdout, stderr } = await run("ssh", [
    "-F",
    file,
    "-J",
    "jump@jump",
    "alice@inner",
    "echo in",
  ]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "in\n", stderr: "" });
});

describe("the jump host's sshd_config does not let a key", () => {
  test.each(Object.entries(LEFT_OPEN))("%s, which its options would", async (_, attempt) => {
    expect(await attempt(plain)).toBe(true);
    expect(await attempt(jump)).toBe(false);
  });

  test("have a terminal, which its options do not either", async () => {
    const terminal: Attempt = async (server) => {
      const { output } = await login(server, "jump", key, { command: "tty", options: ["-tt"] });
      return /^\/dev\//m.test(output);
    };
    expect(await terminal(inner)).toBe(true);
    expect(await terminal(plain)).toBe(false);
    expect(await terminal(jump)).toBe(false);
  });
});

/** spec.options of jump.yaml, as they stand before each line. */
async function lineOptions(): Promise<string> {
  const objects = await exampleObjects("jump.yaml", BASTION_EXAMPLES);
  const found = objects.find(({ kind }) => kind === AUTHORIZED_KEYS_KIND);
  return (found?.spec?.options as readonly string[] | undefined)?.join(",") ?? "";
}

function clientConfig(): string {
  const host = (name: string, { port, knownHosts }: SSHDProcess) =>
    `Host ${name}\n  HostName 127.0.0.1\n  Port ${port}\n  UserKnownHostsFile ${knownHosts}\n`;
  const all = `Host *\n  BatchMode yes\n  IdentityFile ${key.file}\n  IdentityAgent none\n  LogLevel ERROR\n`;
  return host("jump", jump) + host("inner", inner) + all;
}

async function throughTo(server: SSHDProcess, port: number): Promise<string> {
  const options = ["-W", `127.0.0.1:${port}`];
  return (await login(server, "jump", key, { command: undefined, options })).output;
}

/** Does the server listen as it is asked to? */
function mayForward(server: SSHDProcess, options: readonly string[]): Promise<boolean> {
  return withForward(server, options, async (messages) => {
    const [, said] = /remote forward (success|failure) for/.exec(messages()) ?? [];
    return said === undefined ? undefined : said === "success";
  });
}

/** What `probe` says first, during a connection that has no session. */
async function withForward(
  server: SSHDProcess,
  options: readonly string[],
  probe: (messages: () => string) => Promise<boolean | undefined>,
): Promise<boolean> {
  const scratch = join(folder, `client-${process.hrtime.bigint()}`);
  await mkdir(scratch);
  const settings = [
    "BatchMode=yes",
    "IdentityAgent=none",
    "GlobalKnownHostsFile=/dev/null",
    `UserKnownHostsFile=${server.knownHosts}`,
  ].flatMap((each) => ["-o", each]);
  const args = ["-v", "-N", "-F", "none", "-p", `${server.port}`, "-i", key.file, ...settings, ...options];
  const logFile = join(scratch, "output");
  const child = spawnChild({ name: "ssh", command: "ssh", args: [...args, "jump@127.0.0.1"], logFile });
  try {
    const answer = await eventually("the server answers", async () => {
      const found = await probe(() => child.output());
      return found === undefined ? undefined : { found };
    });
    return answer.found;
  } finally {
    await child.stop();
  }
}

/** Does anybody answer at the other end of the local socket? Undefined while there is none. */
function answers(path: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const connection = connect(path);
    connection.on("error", () => resolve(undefined));
    connection.on("data", (chunk) => {
      text += String(chunk);
    });
    connection.on("end", () => resolve(text === "through\n"));
  });
}

async function listening(where: object): Promise<Server> {
  const server = createServer((connection) => connection.end("through\n"));
  cleanups.push(() => new Promise((done) => server.close(done)));
  await new Promise<void>((resolve) => server.listen(where, resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listener has no port");
  return address.port;
}
