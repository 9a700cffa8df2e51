import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { eventually } from "../cluster/eventually.ts";
import { EXAMPLES } from "../sshd/example.ts";
import { ed25519, type KeyPair } from "../sshd/keypair.ts";
import { type Login, login } from "../sshd/login.ts";
import {
  apply,
  applySSHKey,
  freshNamespace,
  kubectl,
  refreshPods,
  type SSHKeySpec,
  waitForState,
} from "./kubernetes.ts";

/** A way of mounting that `docs/mounting.md` recommends, by the files of `examples/mounting/` that show it. */
export interface Layout {
  readonly name: string;
  /** The pod and what belongs to it. */
  readonly manifest: string;
  /** Another sshd_config in place of the manifest's own. */
  readonly config?: string;
  /** Lines before all others of the sshd_config, of which the first of a name counts. */
  readonly settings?: string;
  readonly workload: string;
  readonly hostKeys: string;
  /** Whom alice's keys let in as. */
  readonly account: string;
}

export const BASTION = {
  name: "bastion",
  manifest: "bastion.yaml",
  workload: "deployment/bastion",
  hostKeys: "bastion-hostkeys",
  account: "alice",
};

export const LAYOUTS: readonly Layout[] = [
  BASTION,
  { ...BASTION, name: "sftp", config: "sftp.yaml" },
  { ...BASTION, name: "git", config: "git.yaml", account: "git" },
  {
    name: "devenvironment",
    manifest: "devenvironment.yaml",
    workload: "statefulset/alice-dev",
    hostKeys: "alice-dev-hostkeys",
    account: "alice",
  },
];

/** A pod with a real sshd in a namespace of its own, reached by port-forward. */
export class SSHDPod {
  readonly namespace: string;
  readonly #layout: Layout;
  readonly #folder: string;
  #forward: Child | undefined;
  #port = 0;

  private constructor(namespace: string, layout: Layout) {
    this.namespace = namespace;
    this.#layout = layout;
    this.#folder = mkdtempSync(join(tmpdir(), "sshkey-operator-e2e-"));
  }

  /** Resolves when sshd answers. */
  static async start(namespace: string, layout: Layout = BASTION): Promise<SSHDPod> {
    const pod = new SSHDPod(namespace, layout);
    await freshNamespace(namespace);
    await pod.#createHostKey();
    await apply(namespace, ...manifests(layout));
    await pod.connect();
    return pod;
  }

  /** Makes a key pair on this side. */
  keyPair(name: string): Promise<KeyPair> {
    return ed25519(this.#folder, name);
  }

  /** Tries to log in once. A refusal is a result; that nobody answers is an error. */
  login(key: Pick<KeyPair, "file">, o: { readonly agent?: string } = {}): Promise<Login> {
    const server = { port: this.#port, knownHosts: join(this.#folder, "known_hosts") };
    return login(server, this.#layout.account, key, { connectTimeoutSeconds: 20, ...o });
  }

  /** Declares a key of alice under this name; resolves when it is Projected. */
  async declare(
    name: string,
    key: Pick<KeyPair, "publicKey">,
    more: Partial<SSHKeySpec> = {},
  ): Promise<void> {
    await applySSHKey(this.namespace, name, { user: "alice", key: key.publicKey, ...more });
    await waitForState(this.namespace, name, "Projected");
  }

  /** Makes a key pair and declares it; resolves when it has logged in. */
  async admit(name: string): Promise<KeyPair> {
    const key = await this.keyPair(name);
    await this.declare(name, key);
    await refreshPods(this.namespace);
    await this.untilAccepted(key);
    return key;
  }

  async untilAccepted(key: Pick<KeyPair, "file">): Promise<void> {
    await eventually("the key logs in", async () => (await this.login(key)).accepted);
  }

  async untilRefused(key: Pick<KeyPair, "file">): Promise<void> {
    await eventually("the key is refused", async () => !(await this.login(key)).accepted);
  }

  /** Of sshd, on this side. */
  get port(): number {
    return this.#port;
  }

  /** Reaches the pod, also after it was started anew. */
  async connect(): Promise<void> {
    await this.#forward?.stop();
    const { workload } = this.#layout;
    await kubectl(["rollout", "status", workload, "--namespace", this.namespace, "--timeout=300s"]);
    const args = ["port-forward", "--namespace", this.namespace, workload, ":ssh"];
    const logFile = join(this.#folder, "port-forward.log");
    const forward = spawnChild({
      name: "kubectl port-forward",
      command: process.env.KUBECTL ?? "kubectl",
      args,
      logFile,
    });
    this.#forward = forward;
    this.#port = await eventually("kubectl says its port", () => {
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/m.exec(forward.output())?.[1];
      return port === undefined ? undefined : Number(port);
    });
    const hostKey = readFileSync(join(this.#folder, "ssh_host_ed25519_key.pub"), "utf8");
    writeFileSync(join(this.#folder, "known_hosts"), `[127.0.0.1]:${this.#port} ${hostKey}`);
  }

  async stop(): Promise<void> {
    await this.#forward?.stop();
    await kubectl(["delete", "namespace", this.namespace, "--wait=false"]);
    rmSync(this.#folder, { recursive: true });
  }

  async #createHostKey(): Promise<void> {
    const { file } = await ed25519(this.#folder, "ssh_host_ed25519_key");
    const args = ["create", "secret", "generic", this.#layout.hostKeys, `--from-file=${file}`];
    await kubectl([...args, "--namespace", this.namespace]);
  }
}

/** The objects of the layout's files, with the image of these tests. */
function manifests({ manifest, config, settings = "" }: Layout): object[] {
  const [own, ...others] = parse(manifest);
  const [sshd = own] = config === undefined ? [] : parse(config);
  if (own?.kind !== "ConfigMap" || sshd === undefined)
    throw new Error(`${manifest} does not begin with a ConfigMap`);
  const data = { sshd_config: `${settings}\n${sshd.data?.sshd_config}` };
  return [{ ...own, data }, ...others];
}

interface Manifest {
  readonly kind: string;
  readonly data?: { readonly sshd_config: string };
}

function parse(file: string): Manifest[] {
  const text = readFileSync(join(EXAMPLES, file), "utf8");
  const image = process.env.E2E_SSHD_IMAGE ?? "";
  // As kubectl reads it: 0400 is octal.
  const documents = parseAllDocuments(text.replaceAll(/registry\.example\.com\/\S+/g, image), {
    version: "1.1",
  });
  return documents.map((document) => document.toJS());
}
