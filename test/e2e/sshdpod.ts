import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { eventually } from "../cluster/eventually.ts";
import { EXAMPLES } from "../sshd/example.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import type { Login } from "../sshd/login.ts";
import { ForwardedSSHD } from "./forwardedsshd.ts";
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
  readonly #sshd: ForwardedSSHD;

  private constructor(namespace: string, layout: Layout) {
    this.namespace = namespace;
    this.#layout = layout;
    this.#sshd = new ForwardedSSHD(namespace, layout.workload);
  }

  /** Resolves when sshd answers. */
  static async start(namespace: string, layout: Layout = BASTION): Promise<SSHDPod> {
    const pod = new SSHDPod(namespace, layout);
    await freshNamespace(namespace);
    await pod.#sshd.createHostKey(layout.hostKeys);
    await apply(namespace, ...manifests(layout));
    await pod.connect();
    return pod;
  }

  /** Makes a key pair on this side. */
  keyPair(name: string): Promise<KeyPair> {
    return this.#sshd.keyPair(name);
  }

  /** Tries to log in once. A refusal is a result; that nobody answers is an error. */
  login(key: Pick<KeyPair, "file">, o: { readonly agent?: string } = {}): Promise<Login> {
    return this.#sshd.login(this.#layout.account, key, o);
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
    return this.#sshd.port;
  }

  /** Reaches the pod, also after it was started anew. */
  connect(): Promise<void> {
    return this.#sshd.connect();
  }

  async stop(): Promise<void> {
    await this.#sshd.stop();
    await kubectl(["delete", "namespace", this.namespace, "--wait=false"]);
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
