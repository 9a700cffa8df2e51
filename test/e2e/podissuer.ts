import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { Agent } from "undici";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { run } from "../cluster/run.ts";
import { signInAt } from "../portal/issuer.ts";
import { apply, freshNamespace, kubectl } from "./kubernetes.ts";
import { PortForward } from "./portforward.ts";

const NAMESPACE = "e2e-issuer";
const LABELS = { "app.kubernetes.io/name": "issuer" };
/** Where its certificate and key are mounted. */
const TLS = "/etc/issuer/tls";

/** A real issuer of OpenID Connect in a pod, at which everybody signs in by name, without a password. */
export class PodIssuer {
  /** As pods reach it: by https on port 443 of its Service's address, so that no name has to be resolved. */
  readonly url: string;
  /** File with the certificate that its clients have to trust. */
  readonly certificate: string;
  readonly #folder: string;
  readonly #forward: PortForward;

  private constructor(url: string, folder: string, forward: PortForward) {
    this.url = url;
    this.certificate = join(folder, "tls.crt");
    this.#folder = folder;
    this.#forward = forward;
  }

  /** Resolves when it answers. `callback`: where its client may be sent back to; `image`: one with Node. */
  static async start(callback: string, image: string): Promise<PodIssuer> {
    const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-e2e-"));
    await freshNamespace(NAMESPACE);
    await apply(NAMESPACE, SERVICE);
    const where = ["--namespace", NAMESPACE];
    const address = await kubectl(["get", "service", "issuer", ...where, "-o=jsonpath={.spec.clusterIP}"]);
    await makeCertificate(folder, [address, "127.0.0.1"]);
    const pair = ["tls.crt", "tls.key"].map((name) => join(folder, name)) as [string, string];
    await kubectl(["create", "secret", "tls", "issuer", ...where, `--cert=${pair[0]}`, `--key=${pair[1]}`]);
    const program = join(folder, "issuer.cjs");
    await bundle(program);
    await kubectl(["create", "configmap", "issuer", ...where, `--from-file=${program}`]);
    const url = `https://${address}`;
    await apply(NAMESPACE, deployment(image, [url, callback]));
    await kubectl(["rollout", "status", "deployment/issuer", ...where, "--timeout=300s"]);
    const forward = await PortForward.start(NAMESPACE, "deployment/issuer", "https");
    return new PodIssuer(url, folder, forward);
  }

  /** Signs this person in for an authorization request; gives the address that the browser is sent back to. */
  async signIn(authorization: string, name: string): Promise<URL> {
    const ca = readFileSync(this.certificate, "utf8");
    const start = new URL(authorization);
    const local = new URL(start);
    local.host = `127.0.0.1:${this.#forward.port}`;
    const reached = new Agent({ connect: { ca } });
    try {
      return await signInAt(local, name, reached);
    } finally {
      await reached.close();
    }
  }

  /** Runs a script by Node in its pod, which is as far from the cluster's Services as any other. */
  runBeside(script: string, ...args: readonly string[]): Child {
    const node = ["/nodejs/bin/node", "--eval", script, ...args];
    return spawnChild({
      name: "kubectl exec",
      command: process.env.KUBECTL ?? "kubectl",
      args: ["exec", "deployment/issuer", "--namespace", NAMESPACE, "--", ...node],
      logFile: join(this.#folder, "beside.log"),
    });
  }

  async stop(): Promise<void> {
    await this.#forward.stop();
    await kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]);
    rmSync(this.#folder, { recursive: true });
  }
}

const SERVICE = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "issuer" },
  spec: { selector: LABELS, ports: [{ port: 443, targetPort: "https" }] },
};

/** Runs the program of the ConfigMap with these arguments. */
function deployment(image: string, args: readonly string[]): object {
  const mounts = [
    { name: "program", mountPath: "/etc/issuer/program" },
    { name: "tls", mountPath: TLS },
  ];
  const container = {
    name: "issuer",
    image,
    command: ["/nodejs/bin/node", "/etc/issuer/program/issuer.cjs"],
    args: [...args, `${TLS}/tls.crt`, `${TLS}/tls.key`],
    ports: [{ name: "https", containerPort: 443 }],
    readinessProbe: { tcpSocket: { port: "https" }, periodSeconds: 1 },
    volumeMounts: mounts,
  };
  const spec = {
    automountServiceAccountToken: false,
    // Whoever it runs as may listen on 443, the port that the portal's NetworkPolicy has for issuers.
    securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "443" }] },
    containers: [container],
    volumes: [
      { name: "program", configMap: { name: "issuer" } },
      { name: "tls", secret: { secretName: "issuer" } },
    ],
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "issuer" },
    spec: { selector: { matchLabels: LABELS }, template: { metadata: { labels: LABELS }, spec } },
  };
}

/** The issuer in one file, small enough for a ConfigMap. */
async function bundle(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, "issuermain.ts")],
    outfile,
    bundle: true,
    minify: true,
    // oidc-provider tells its models apart by the names of their classes.
    keepNames: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    logLevel: "warning",
  });
}

/** Makes tls.crt and tls.key, good for these addresses and for one day. */
async function makeCertificate(cwd: string, addresses: readonly string[]): Promise<void> {
  const names = addresses.map((address) => `IP:${address}`).join(",");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", "tls.key"];
  const about = ["-days", "1", "-subj", "/CN=issuer", "-addext", `subjectAltName=${names}`];
  const { code, stderr } = await run("openssl", ["req", "-x509", ...key, ...about, "-out", "tls.crt"], {
    cwd,
  });
  if (code !== 0) throw new Error(stderr);
}
