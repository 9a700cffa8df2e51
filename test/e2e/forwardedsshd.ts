import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../cluster/eventually.ts";
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

  /** Reaches the pod, also after it was started anew; resolves when sshd answers. */
  async connect(): Promise<void> {
    const args = ["--namespace", this.#namespace, this.#workload];
    await kubectl(["rollout", "status", ...args, "--timeout=300s"]);
    // A pod whose node was cut off counts as ready until kubelet has probed it again, and kubectl port-forward ends with the
    // first connection that the pod refuses.
    await eventually("sshd answers", async () => {
      await this.#disconnect();
      this.#forward = await PortForward.start(this.#namespace, this.#workload, "ssh");
      return greets(this.port);
    });
    writeFileSync(this.knownHosts, `[127.0.0.1]:${this.port} ${this.hostKey}`);
  }

  /** Tries to log in once. A refusal is a result; that nobody answers is an error. */
  login(account: string, key: Pick<KeyPair, "file">, o: LoginOptions = {}): Promise<Login> {
    return login(this, account, key, { connectTimeoutSeconds: 20, ...o });
  }

  async stop(): Promise<void> {
    await this.#disconnect();
    rmSync(this.folder, { recursive: true });
  }

  async #disconnect(): Promise<void> {
    const forward = this.#forward;
    this.#forward = undefined;
    await forward?.stop();
  }
}

/** Does an SSH server identify itself here (RFC 4253, section 4.2)? */
function greets(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection(port, "127.0.0.1");
  socket.setEncoding("utf8").setTimeout(5000, () => socket.destroy());
  socket.once("data", (greeting: string) => {
    resolve(greeting.startsWith("SSH-"));
    socket.destroy();
  });
  socket.on("error", () => resolve(false)).on("close", () => resolve(false));
  return promise;
}

const HOST_KEY = "ssh_host_ed25519_key";
