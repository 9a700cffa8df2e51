import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, KIND } from "../../src/api/names.ts";
import { COMMANDS } from "../../src/plugin/program.ts";
import { type Finished, run } from "../cluster/run.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Stage } from "../operator/stage.ts";
import type { Tenant } from "../operator/tenant.ts";
import { flatKubeconfig } from "./flatkubeconfig.ts";
import { type KeyFile, OpenSSH } from "./openssh.ts";
import { BUNDLE } from "./plugin.ts";

let stage: Stage;
let alice: OpenSSH;
let laptop: KeyFile;
let published: Server;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  alice = await OpenSSH.open();
  mkdirSync(join(alice.folder, "keys"));
  await alice.newKey(".ssh/id_ed25519", "alice@desk");
  laptop = await alice.newKey("keys/laptop", "alice@laptop");
  await alice.addToAgent(laptop);
  const authorizedKeys = `restrict ${freshKey()} from before\n`;
  writeFileSync(join(alice.folder, ".ssh", "authorized_keys"), authorizedKeys);
  // kubectl calls what it finds by this name.
  writeFileSync(
    join(alice.folder, "kubectl-sshkey"),
    `#!/bin/sh\nexec '${process.execPath}' '${BUNDLE}' "$@"\n`,
  );
  chmodSync(join(alice.folder, "kubectl-sshkey"), 0o755);
  published = createServer((_, answer) => answer.end(`${freshKey()}\n`));
  await new Promise<void>((resolve) => published.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  published?.close();
  await alice?.close();
  await stage?.close();
});

const EXAMPLES = COMMANDS.flatMap(({ name, examples }) =>
  examples.map((example) => [name, example] as const),
);

describe("of the examples of --help", () => {
  test.each(EXAMPLES)("kubectl sshkey %s, $does, does what it says", async (name, { run: line }) => {
    const tenant = await stage.tenant();
    await tenant.create("alice-laptop", { user: "alice", key: laptop.publicKey, title: "Laptop" });
    await tenant.until("alice-laptop", "Projected");
    const { code, stderr } = await inShell(name, line, tenant);
    expect(stderr).not.toMatch(/error|usage/i);
    expect([0, 1]).toContain(code);
  });
});

/** The line as it stands, in a folder with the files that it names, as the user alice who may do everything. */
async function inShell(name: string, line: string, tenant: Tenant): Promise<Finished> {
  const folder = join(alice.folder, tenant.namespace);
  mkdirSync(join(folder, "keys"), { recursive: true });
  const { kubectl } = stage.cluster.controlPlane;
  for (const [file, text] of Object.entries(filesFor(name, tenant))) writeFileSync(join(folder, file), text);
  writeFileSync(join(folder, "kubeconfig"), await asAlice(tenant));
  await commitKeys(folder);
  const proof = await run("ssh-keygen", ["-Y", "sign", "-n", "sshkey-operator.dev", "-f", laptop.file, "-"], {
    input: "alice",
  });
  writeFileSync(join(folder, "laptop.proof"), proof.stdout);
  const { port } = published.address() as AddressInfo;
  // What is on the internet is here instead.
  const local = line.replace("https://github.com/alice.keys", `http://127.0.0.1:${port}/ --allow-http --yes`);
  const env = {
    ...process.env,
    ...alice.env,
    KUBECONFIG: join(folder, "kubeconfig"),
    PATH: `${alice.folder}:${process.env.PATH}`,
    KUBECTL: kubectl,
  };
  const script = `kubectl() { "$KUBECTL" "$@"; }\nkubectl sshkey ${local}`;
  return await run("bash", ["-c", script], { cwd: folder, env });
}

/** Makes a repository of the folder, in which `origin/main` has its keys. */
async function commitKeys(folder: string): Promise<void> {
  const author = ["-c", "user.name=alice", "-c", "user.email=alice@example.com"];
  for (const args of [
    ["init", "-q"],
    ["add", "keys"],
    [...author, "commit", "-q", "-m", "Keys"],
    ["update-ref", "refs/remotes/origin/main", "HEAD"],
  ]) {
    const { code, stderr } = await run("git", args, { cwd: folder });
    if (code !== 0) throw new Error(stderr);
  }
}

async function asAlice({ cluster, namespace }: Tenant): Promise<string> {
  const config = await flatKubeconfig(cluster);
  for (const { user } of config.users) Object.assign(user, { as: "alice", "as-groups": ["system:masters"] });
  for (const { context } of config.contexts) Object.assign(context, { namespace });
  return JSON.stringify(config);
}

function filesFor(name: string, { namespace }: Tenant): Readonly<Record<string, string>> {
  const key = freshKey();
  const spec = { user: "bob", key };
  const manifest = { apiVersion: API_VERSION, kind: KIND, metadata: { name: "bob", namespace }, spec };
  const configMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "keys" },
    data: { carol: `${key}\n` },
  };
  const fingerprint = "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg";
  const login = `Accepted publickey for alice from 192.0.2.7 port 51880 ssh2: ED25519 ${fingerprint}`;
  const change = { namespace, secret: "sshkeys-alice", user: "alice", fingerprint, sshKey: "alice-laptop" };
  const added = { time: "2026-07-01T00:00:00Z", event: "AccessChanged", change: "added", ...change };
  return {
    "id_ed25519.pub": `${key}\n`,
    "alice.pub": `${freshKey()} alice@desk\n`,
    "keys.yaml": JSON.stringify(name === "import" ? configMap : manifest),
    "before.yaml": JSON.stringify({ ...manifest, metadata: { name: "carol", namespace } }),
    "keys/bob.yaml": JSON.stringify(manifest),
    "revoked.txt": `${fingerprint} # lost\n`,
    "blocklist.dat": `${fingerprint} # published\n`,
    "config.yaml": "duplicateScope: User\n",
    "sshd.log": `Jul 24 13:07:14 b1 sshd-session[2964]: ${login}\n`,
    "operator.log": `${JSON.stringify(added)}\n`,
    "ssh_keys.json": JSON.stringify({ results: [{ id: 1, name: "desk", key: `${freshKey()} desk` }] }),
    "keys.json": JSON.stringify([{ id: 1, title: "desk", key: `${freshKey()} desk` }]),
  };
}
