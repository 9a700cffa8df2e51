import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnChild } from "../../controlplane/child.ts";
import type { KeyPair } from "./keypair.ts";
import type { SSHDProcess } from "./sshdprocess.ts";

/** What came of one attempt to log in. */
export interface Login {
  readonly accepted: boolean;
  /** What the command wrote. */
  readonly output: string;
  /** What OpenSSH's client says of it, with -v. */
  readonly messages: string;
}

export interface LoginOptions {
  /** What to run; with undefined nothing. */
  readonly command?: string | undefined;
  /** More options for ssh. */
  readonly options?: readonly string[];
  /** Socket of an agent that signs instead of the private key. */
  readonly agent?: string;
  /** How long the server may take to answer; 120 by default. */
  readonly connectTimeoutSeconds?: number;
}

const TIMEOUT_MS = 180_000;

/**
 * Logs in with OpenSSH's client, by this key and nothing else, and runs a command (`echo in`). A refusal is
 * a result; anything that is neither a login nor a refusal is an error.
 */
export async function login(
  server: Pick<SSHDProcess, "port" | "knownHosts">,
  user: string,
  key: Pick<KeyPair, "file">,
  o: LoginOptions = {},
): Promise<Login> {
  const { command, options = [], agent = "none", connectTimeoutSeconds = 120 } = { command: "echo in", ...o };
  const folder = await mkdtemp(join(tmpdir(), "sshkey-operator-login-"));
  const messagesFile = join(folder, "messages");
  const settings = [
    "BatchMode=yes",
    `ConnectTimeout=${connectTimeoutSeconds}`,
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    `IdentityAgent=${agent}`,
    "PreferredAuthentications=publickey",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${server.knownHosts}`,
  ];
  const args = [
    ...["-v", "-E", messagesFile, "-F", "none", "-p", `${server.port}`, "-i", key.file],
    ...settings.flatMap((each) => ["-o", each]),
    ...options,
    `${user}@127.0.0.1`,
    ...(command === undefined ? [] : [command]),
  ];
  try {
    const child = spawnChild({ name: "ssh", command: "ssh", args, logFile: join(folder, "output") });
    const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
    await child.exited;
    clearTimeout(timer);
    const messages = await readFile(messagesFile, "utf8");
    const accepted = /^Authenticated to /m.test(messages);
    if (!accepted && !/: Permission denied \(.*publickey/.test(messages)) {
      throw new Error(`ssh neither logged in nor was refused: ${messages}`);
    }
    return { accepted, output: child.output(), messages };
  } finally {
    await rm(folder, { recursive: true });
  }
}
