import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Child, spawnChild } from "./child.ts";
import { answersOk } from "./probe.ts";
import { READY_MS, ready, StartError } from "./ready.ts";

const STOP_MS = 30_000;

/** One kube-apiserver over the life of a control plane: it may be stopped and started on the same port. */
export interface ApiServer {
  readonly server: string;
  /** PEM of the authority that signed the serving certificate. */
  readonly ca: string;
  /** Bearer token of a member of `system:masters`. */
  readonly adminToken: string;
  readonly child: Child;
  /** Stops the process with the signal, or after 30 s by SIGKILL. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port with the same certificates, and waits until it is ready. */
  start(): Promise<void>;
}

export interface ApiServerOptions {
  readonly binary: string;
  readonly dir: string;
  readonly etcd: string;
  /** The ServiceAccount admission plugin needs a controller that makes the default accounts. */
  readonly serviceAccounts: boolean;
  readonly auditLog?: string;
}

/** Starts kube-apiserver on a loopback port that the OS chooses; resolves when `/readyz` says ok. */
export async function startApiServer(o: ApiServerOptions): Promise<ApiServer> {
  const adminToken = randomBytes(24).toString("hex");
  const certDir = join(o.dir, "certs");
  const certificate = join(certDir, "apiserver.crt");
  writeCredentials(o.dir, adminToken);
  let starts = 0;
  const launch = (port: number): Child => {
    starts += 1;
    return spawnChild({
      name: "kube-apiserver",
      command: o.binary,
      args: flags(o, certDir, port),
      logFile: join(o.dir, `kube-apiserver-${starts}.log`),
    });
  };
  // A port may be taken between its choice and its use; the process then ends, and another port is tried.
  // That whoever answers is our own process is what the check of its certificate shows: the authority's key
  // was made by that process and has never left it.
  const untilReady = async (child: Child, port: number) => {
    try {
      await ready(child, () => readyz(address(port), certificate, adminToken), READY_MS);
    } catch (error) {
      await child.stop(0);
      throw error;
    }
  };
  let { port, child } = await retryWhilePortTaken(async () => {
    const port = await freePort();
    const child = launch(port);
    await untilReady(child, port);
    return { port, child };
  });
  return {
    server: address(port),
    ca: authority(certificate),
    adminToken,
    get child() {
      return child;
    },
    async stop(signal) {
      await end(child, signal);
    },
    async start() {
      await retryWhilePortTaken(() => {
        // Known before it is ready, so that a stop in the meantime reaches it.
        child = launch(port);
        return untilReady(child, port);
      });
    },
  };
}

async function end(child: Child, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await child.exited;
  clearTimeout(timer);
}

/** The signing key of service account tokens, the admin's token, the audit policy. */
function writeCredentials(dir: string, adminToken: string): void {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const secret = { mode: 0o600 };
  writeFileSync(join(dir, "sa.key"), privateKey.export({ type: "pkcs8", format: "pem" }), secret);
  writeFileSync(join(dir, "sa.pub"), publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(join(dir, "tokens.csv"), `${adminToken},admin,admin,"system:masters"\n`, secret);
  writeFileSync(join(dir, "audit.json"), JSON.stringify(AUDIT_POLICY));
}

const AUDIT_POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    {
      level: "RequestResponse",
      resources: [{ group: "sshkey-operator.dev" }, { group: "", resources: ["secrets"] }],
    },
    { level: "Metadata" },
  ],
};

function flags(o: ApiServerOptions, certDir: string, port: number): string[] {
  return [
    `--etcd-servers=${o.etcd}`,
    `--cert-dir=${certDir}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--token-auth-file=${join(o.dir, "tokens.csv")}`,
    "--authorization-mode=Node,RBAC",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${join(o.dir, "sa.pub")}`,
    `--service-account-signing-key-file=${join(o.dir, "sa.key")}`,
    "--service-cluster-ip-range=10.0.0.0/24",
    "--allow-privileged=true",
    // A loopback address may not stand in an Endpoints object.
    "--endpoint-reconciler-type=none",
    "--profiling=false",
    // Without it, open watches hold a graceful stop up for a minute.
    "--shutdown-watch-termination-grace-period=1s",
    ...(o.serviceAccounts ? [] : ["--disable-admission-plugins=ServiceAccount"]),
    ...(o.auditLog === undefined
      ? []
      : [
          `--audit-policy-file=${join(o.dir, "audit.json")}`,
          `--audit-log-path=${o.auditLog}`,
          "--audit-log-mode=blocking",
          "--audit-log-maxsize=0",
        ]),
  ];
}

async function retryWhilePortTaken<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (attempts === 5 || !(error instanceof StartError && error.portTaken)) {
        throw error;
      }
    }
  }
}

function address(port: number): string {
  return `https://127.0.0.1:${port}`;
}

/** A loopback port that nothing listens on at this moment. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", resolve);
  });
  const bound = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (bound === null || typeof bound === "string") {
    throw new Error("the OS gave no TCP port on 127.0.0.1: check that the loopback interface is up");
  }
  return bound.port;
}

/** kube-apiserver writes its leaf certificate first and the authority's after it. */
function authority(certificate: string): string {
  const blocks = readFileSync(certificate, "utf8").match(
    /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
  );
  return `${blocks?.at(-1) ?? ""}\n`;
}

async function readyz(server: string, certificate: string, token: string): Promise<true | undefined> {
  if (!existsSync(certificate)) {
    return undefined;
  }
  const headers = { authorization: `Bearer ${token}` };
  return answersOk(request(`${server}/readyz`, { ca: authority(certificate), agent: false, headers }));
}
