import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { API_VERSION, AUTHORIZED_KEYS_KIND, KIND, SHARE_KEYS_ANNOTATION } from "../../src/api/names.ts";
import { authorizedKeysPath, namespacePath, sshKeyStatusPath, sshKeysPath } from "../../src/api/paths.ts";
import type { SSHKey, SSHKeyLastUsed, SSHKeySpec } from "../../src/api/sshkey.generated.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import type { Method } from "../cluster/adminclient.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { type Finished, run } from "../cluster/run.ts";
import { freshKey } from "../operator/publickeys.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "main.cjs");
const RBAC = "/apis/rbac.authorization.k8s.io/v1";

/** The rights of docs/usage.md, in a namespace whose SSHKeys are reported. */
const REPORTER_RULES = [
  { apiGroups: ["sshkey-operator.dev"], resources: ["sshkeys"], verbs: ["list", "watch"] },
  { apiGroups: ["sshkey-operator.dev"], resources: ["sshkeys/status"], verbs: ["patch"] },
];

/** A namespace with an account that reports, as a bastion has it. */
export class Bastion {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly kubeconfig: string;

  private constructor(cluster: Cluster, namespace: string, kubeconfig: string) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.kubeconfig = kubeconfig;
  }

  static async open(cluster: Cluster): Promise<Bastion> {
    const namespace = await cluster.namespace();
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await send(cluster, "POST", accounts, { metadata: { name: "sshkey-usage" } });
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const answer = await send(cluster, "POST", `${accounts}/sshkey-usage/token`, request);
    const { token } = (answer as { status: { token: string } }).status;
    const account = { namespace, serviceAccount: "sshkey-usage", token };
    const bastion = new Bastion(cluster, namespace, await cluster.controlPlane.tokenKubeconfig(account));
    await bastion.may(namespace, "report", REPORTER_RULES);
    return bastion;
  }

  /** Lets its account read the logs of a namespace's pods. */
  async mayReadLogs(namespace: string): Promise<void> {
    await this.may(namespace, "pods", [
      { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
      { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
    ]);
  }

  /** Gives its account rights in a namespace. */
  async may(namespace: string, name: string, rules: readonly object[]): Promise<void> {
    const full = `${name}-${this.namespace}`;
    await send(this.cluster, "POST", `${RBAC}/namespaces/${namespace}/roles`, {
      metadata: { name: full },
      rules,
    });
    await send(this.cluster, "POST", `${RBAC}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: full },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: full },
      subjects: [{ kind: "ServiceAccount", name: "sshkey-usage", namespace: this.namespace }],
    });
  }

  /** And what it takes to report the keys that come from this namespace. */
  async mayReport(namespace: string): Promise<void> {
    await this.may(namespace, "report", REPORTER_RULES);
    await this.may(this.namespace, `targets-${namespace}`, [
      { apiGroups: ["sshkey-operator.dev"], resources: ["authorizedkeys"], verbs: ["list"] },
    ]);
    const name = `read-${namespace}-${this.namespace}`;
    const rules = [
      { apiGroups: [""], resources: ["namespaces"], resourceNames: [namespace], verbs: ["get"] },
    ];
    await send(this.cluster, "POST", `${RBAC}/clusterroles`, { metadata: { name }, rules });
    await send(this.cluster, "POST", `${RBAC}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: "sshkey-usage", namespace: this.namespace }],
    });
  }

  /** Its AuthorizedKeys takes from these. */
  async takes(name: string, from: readonly object[]): Promise<void> {
    const spec = { layout: "SingleFile", from };
    const object = { apiVersion: API_VERSION, kind: AUTHORIZED_KEYS_KIND, metadata: { name }, spec };
    await send(this.cluster, "POST", authorizedKeysPath(this.namespace), object);
  }

  /** Runs `usage` on this input to its end. */
  async usage(lines: readonly string[], args: readonly string[] = []): Promise<Finished> {
    return await run(process.execPath, this.command(args), {
      input: lines.map((line) => `${line}\n`).join(""),
    });
  }

  /** Starts `usage` and waits until it reads. */
  async start(args: readonly string[]): Promise<RunningUsage> {
    return await RunningUsage.start(this.command(args));
  }

  command(args: readonly string[]): readonly string[] {
    return usageCommand(this.kubeconfig, ["--namespace", this.namespace, ...args]);
  }
}

export function usageCommand(kubeconfig: string, args: readonly string[]): readonly string[] {
  return [BUNDLE, "usage", "--kubeconfig", kubeconfig, ...args];
}

/** A `usage` that follows something. */
export class RunningUsage {
  readonly #child: Child;
  readonly #folder: string;

  private constructor(child: Child, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Serves probes and metrics at addresses of the system's choice, and waits for this word of its log. */
  static async start(command: readonly string[], word = "UsageReady"): Promise<RunningUsage> {
    const folder = await mkdtemp(join(tmpdir(), "sshkey-usage-test-"));
    const logFile = join(folder, "usage.log");
    const own = ["--metrics-bind-address", "127.0.0.1:0", "--health-probe-bind-address", "127.0.0.1:0"];
    const args = [...command, ...own];
    const child = spawnChild({ name: "usage", command: process.execPath, args, logFile });
    const usage = new RunningUsage(child, folder);
    await usage.logged(word);
    return usage;
  }

  /** What it answers to GET of this path. */
  async get(path: "/healthz" | "/readyz" | "/metrics"): Promise<{ status: number; body: string }> {
    const line = (await readFile(this.#child.log, "utf8"))
      .split("\n")
      .find((each) => each.includes('"UsageStarted"'));
    const { addresses } = JSON.parse(line ?? "{}") as { addresses: readonly [string, string] };
    const answer = await fetch(`http://${addresses[path === "/metrics" ? 1 : 0]}${path}`);
    return { status: answer.status, body: await answer.text() };
  }

  /** The value of a metric with these labels, as it is exposed. */
  async metric(series: string): Promise<number> {
    const lines = (await this.get("/metrics")).body.split("\n");
    return Number(lines.find((line) => line.startsWith(`${series} `))?.split(" ")[1] ?? Number.NaN);
  }

  async logged(word: string): Promise<void> {
    await eventually(`usage logs ${word}`, async () =>
      (await readFile(this.#child.log, "utf8")).includes(word),
    );
  }

  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    const { code } = await this.#child.exited;
    await rm(this.#folder, { recursive: true });
    return code;
  }
}

/** What asks the API server as an administrator. */
export type API = Pick<Cluster, "request">;

/** An SSHKey as the operator leaves it. */
export interface ReportedKey {
  readonly namespace: string;
  readonly name: string;
  readonly fingerprint: string;
  /** The time, in RFC 3339, in front of a line of syslog that says that it was used. */
  line(time?: string): string;
  read(): Promise<SSHKey>;
  lastUsed(): Promise<SSHKeyLastUsed | undefined>;
}

export async function storedKey(
  cluster: API,
  namespace: string,
  name: string,
  o: Partial<SSHKeySpec> & { readonly status?: object } = {},
): Promise<ReportedKey> {
  const { status = {}, ...spec } = o;
  const key = spec.key ?? freshKey();
  const blob = Buffer.from(key.split(" ")[1] ?? "", "base64");
  const fingerprint = fingerprintSHA256(blob);
  const object = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name },
    spec: { user: "alice", ...spec, key },
  };
  await send(cluster, "POST", sshKeysPath(namespace), object);
  await send(cluster, "PATCH", `${sshKeyStatusPath(namespace, name)}?fieldManager=sshkey-operator`, {
    status: { observedGeneration: 1, fingerprint, fingerprintMD5: fingerprintMD5(blob), ...status },
  });
  const read = async () => (await send(cluster, "GET", `${sshKeysPath(namespace)}/${name}`)) as SSHKey;
  return {
    namespace,
    name,
    fingerprint,
    line: (time = new Date().toISOString()) => acceptedLine(fingerprint, time),
    read,
    lastUsed: async () => (await read()).status?.lastUsed,
  };
}

export function acceptedLine(fingerprint: string, time = new Date().toISOString()): string {
  return `${time} bastion sshd[7]: Accepted publickey for alice from 192.0.2.7 port 51880 ssh2: ED25519 ${fingerprint}`;
}

export async function share(cluster: API, namespace: string, taker: string): Promise<void> {
  const annotations = { [SHARE_KEYS_ANNOTATION]: taker };
  await send(cluster, "PATCH", namespacePath(namespace), { metadata: { annotations } });
}

/** Today, as the status has it. */
export function today(): string {
  return `${new Date().toISOString().slice(0, 10)}T00:00:00Z`;
}

export async function send(cluster: API, method: Method, path: string, body?: object): Promise<unknown> {
  const answer = await cluster.request(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const logFolders: string[] = [];
afterAll(() => Promise.all(logFolders.map((folder) => rm(folder, { recursive: true }))));

/** A file in a folder of its own. */
export async function logFile(lines: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sshkey-usage-log-"));
  logFolders.push(folder);
  const file = join(folder, "auth.log");
  await writeFile(file, lines.map((line) => `${line}\n`).join(""));
  return file;
}
