import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { run } from "../cluster/run.ts";
import { flatKubeconfig } from "./flatkubeconfig.ts";
import { BUNDLE } from "./plugin.ts";

const NAMESPACE = "people";

const COMMANDS: readonly string[] = [
  "kubectl sshkey add laptop.pub --user alice --name alice-laptop --title Laptop",
  "kubectl sshkey list",
  "kubectl sshkey who --log auth.log",
  "kubectl sshkey rotate alice-laptop --key new-laptop.pub",
  "kubectl sshkey list",
];

/** What a terminal shows of these commands on a cluster with the operator and without an SSHKey, but for the ages. */
export async function recordSession(cluster: Cluster): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "session-"));
  try {
    const env = await prepare(cluster, folder);
    const shown: string[] = [];
    for (const command of COMMANDS) {
      const script = `kubectl() { "$KUBECTL" "$@"; }\n{ ${command}; } 2>&1`;
      const { code, stdout } = await run("bash", ["-c", script], { cwd: folder, env });
      if (code !== 0) throw new Error(`${command} ends with ${code}: ${stdout}`);
      shown.push(`$ ${command}\n${stdout}`);
    }
    return withoutAges(shown.join("\n"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In README everything is a few seconds old. */
function withoutAges(text: string): string {
  return text.replaceAll(/ \d+s$/gm, " 5s");
}

const BLOCK = /(<!-- Made by tools\/record-session\.ts\. -->\n```console\n)(.*?)(```\n)/s;

/** The session that a page shows. */
export function sessionOf(page: string): string {
  return BLOCK.exec(page)?.[2] ?? "";
}

export function withSession(page: string, session: string): string {
  return page.replace(BLOCK, (_, before: string, __, after: string) => before + session + after);
}

export const README = join(import.meta.dirname, "..", "..", "README.md");

export function readme(): string {
  return readFileSync(README, "utf8");
}

async function prepare(cluster: Cluster, folder: string): Promise<NodeJS.ProcessEnv> {
  await cluster.request("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
  const config = await flatKubeconfig(cluster);
  for (const { context } of config.contexts) Object.assign(context, { namespace: NAMESPACE });
  const laptop = blobOf("laptop");
  const login = `Accepted publickey for git from 192.0.2.7 port 51880 ssh2: ED25519 ${fingerprintSHA256(laptop)}`;
  const files = {
    kubeconfig: JSON.stringify(config),
    "laptop.pub": `ssh-ed25519 ${laptop.toString("base64")} alice@laptop\n`,
    "new-laptop.pub": `ssh-ed25519 ${blobOf("new laptop").toString("base64")} alice@new-laptop\n`,
    "auth.log": `2027-01-31T18:00:00Z bastion sshd-session[2964]: ${login}\n`,
    // kubectl calls what it finds by this name.
    "kubectl-sshkey": `#!/bin/sh\nexec '${process.execPath}' '${BUNDLE}' "$@"\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  chmodSync(join(folder, "kubectl-sshkey"), 0o755);
  return {
    ...process.env,
    KUBECONFIG: join(folder, "kubeconfig"),
    PATH: `${folder}:${process.env.PATH}`,
    KUBECTL: cluster.controlPlane.kubectl,
  };
}

/** The same key each time. Nobody knows its private half: OpenSSH takes any 32 bytes for a public key. */
function blobOf(name: string): Buffer {
  return encodeStrings([Buffer.from("ssh-ed25519"), createHash("sha256").update(name).digest()]);
}
