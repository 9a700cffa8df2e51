import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ed25519, type KeyPair } from "../sshd/keypair.ts";
import { type Login, type LoginOptions, login } from "../sshd/login.ts";
import { kubectl } from "./kubernetes.ts";
import { PortForward } from "./portforward.ts";

/** A real sshd in a pod, reached by port-forward, and the key pairs of those who log in to it. */
export class ForwardedSSHD {
  /** For files of the tests; removed by `stop`. */
  readonly folder: string;
  readonly #namespace: string;
  readonly #workload: string;
  #forward: PortForward | undefined;

  /** `workload`: as deployment/NAME. */
  constructor(namespace: string, workload: string) {
    this.#namespace = namespace;
    this.#workload = workload;
    this.folder = mkdtempSync(join(tmpdir(), "sshkey-operator-e2e-"));
  }

  /** Of sshd, on this side. */
  get port(): number {
    return this.#forward?.port ?? 0;
  }

  get knownHosts(): string {
    return join(this.folder, "known_hosts");
  }

  /** One line: type, base64 and comment. */
  get hostKey(): string {
    return readFileSync(join(this.folder, `${HOST_KEY}.pub`), "utf8");
  }

  /** Makes a key pair on this side. */
  keyPair(name: string): Promise<KeyPair> {
    return ed25519(this.folder, name);
  }

  /** Puts a new host key into a Secret of the namespace. */
  async createHostKey(secret: string): Promise<void> {
    const { file } = await ed25519(this.folder, HOST_KEY);
    const args = ["create", "secret", "generic", secret, `--from-file=${file}`];
    await kubectl([...args, "--namespace", this.#namespace]);
  }

  /** Has the host key that another one has, of the same Secret. */
  shareHostKey(other: ForwardedSSHD): void {
    writeFileSync(join(this.folder, `${HOST_KEY}.pub`), other.hostKey);
  }

  /** Reaches the pod, also after it was started anew. */
  async connect(): Promise<void> {
    await this.#forward?.stop();
    const args = ["--namespace", this.#namespace, this.#workload];
    await kubectl(["rollout", "status", ...args, "--timeout=300s"]);
    this.#forward = await PortForward.start(this.#namespace, this.#workload, "ssh");
    writeFileSync(this.knownHosts, `[127.0.0.1]:${this.port} ${this.hostKey}`);
  }

  /** Tries to log in once. A refusal is a result; that nobody answers is an error. */
  login(account: string, key: Pick<KeyPair, "file">, o: LoginOptions = {}): Promise<Login> {
    return login(this, account, key, { connectTimeoutSeconds: 20, ...o });
  }

  async stop(): Promise<void> {
    await this.#forward?.stop();
    rmSync(this.folder, { recursive: true });
  }
}

const HOST_KEY = "ssh_host_ed25519_key";
