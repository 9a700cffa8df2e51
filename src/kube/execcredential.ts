import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { entries, type Fields, fieldsOf, KubeConfigError } from "./kubeconfig.ts";

export interface ExecCredentialOptions {
  /** May the helper read from the terminal? It is there, and the command reads nothing from it. */
  readonly isInteractive: boolean;
  /** Why it may not and what to do, as the end of a sentence: "there is none: run it in a terminal". */
  readonly whyNot: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs the sign-in helper that `user.exec` of a kubeconfig names and gives the fields of `user` that it stands for
 * (client.authentication.k8s.io). What it says on stderr the person sees at once. Rejects with a KubeConfigError.
 */
export async function execCredential(
  exec: Fields,
  cluster: Fields,
  o: ExecCredentialOptions,
): Promise<Fields> {
  const command = String(exec.command ?? "");
  const mode = String(exec.interactiveMode ?? "IfAvailable");
  const isInteractive = mode !== "Never" && o.isInteractive;
  if (mode === "Always" && !isInteractive) {
    throw failed(`the sign-in helper ${command} of your kubeconfig needs the terminal, but ${o.whyNot}`);
  }
  const { apiVersion } = exec;
  const info = {
    apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive: isInteractive,
      ...(exec.provideClusterInfo === true ? { cluster: clusterInfo(cluster) } : {}),
    },
  };
  const given = entries(exec.env).map(({ name, value }) => [String(name), String(value ?? "")]);
  const env = {
    ...process.env,
    ...Object.fromEntries(given),
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
  };
  const args = Array.isArray(exec.args) ? exec.args.map(String) : [];
  const output = await run(command, args, env, isInteractive, exec.installHint, o.signal);
  return fieldsFrom(command, apiVersion, output);
}

async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  isInteractive: boolean,
  hint: unknown,
  signal: AbortSignal | undefined,
): Promise<string> {
  const child = spawn(command, args, {
    env,
    stdio: [isInteractive ? "inherit" : "ignore", "pipe", "inherit"],
    ...(signal === undefined ? {} : { signal }),
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on("error", reject);
  child.on("close", resolve);
  let code: number | null;
  try {
    code = await promise;
  } catch (error) {
    if (signal?.aborted) {
      // One that does not stop holds up nobody.
      child.unref();
      child.stdout.destroy();
      throw failed(`the sign-in helper ${command} was stopped`);
    }
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const advice =
      typeof hint === "string" && hint !== "" ? `:\n${visible(hint)}` : ": install it, or check the PATH";
    throw failed(
      isMissing
        ? `the sign-in helper ${command} of your kubeconfig is not installed${advice}`
        : `the sign-in helper ${command} of your kubeconfig cannot be run: check that it is executable`,
    );
  }
  if (code !== 0)
    throw failed(
      `the sign-in helper ${command} of your kubeconfig ended ${code === null ? "by a signal" : `with exit code ${code}`}: run it by hand to see why`,
    );
  return Buffer.concat(chunks).toString("utf8");
}

/** As client-go shows a hint: lines and tabs stay, nothing that a terminal obeys does. */
function visible(text: string): string {
  return text.replace(
    /[^\P{C}\t\n\r]/gu,
    (hidden) => `U+${hidden.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`,
  );
}

function fieldsFrom(command: string, apiVersion: unknown, output: string): Fields {
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    // The parser's message quotes the output, which holds a token.
  }
  const { kind, apiVersion: answered, status } = fieldsOf(answer);
  const { token, clientCertificateData, clientKeyData } = fieldsOf(status);
  if (
    kind !== "ExecCredential" ||
    answered !== apiVersion ||
    !(token || (clientCertificateData && clientKeyData))
  )
    throw failed(
      `the sign-in helper ${command} of your kubeconfig printed no ExecCredential of ${String(apiVersion)} with a token or a certificate: run it by hand to see what it says`,
    );
  return {
    ...(typeof token === "string" ? { token } : {}),
    ...(typeof clientCertificateData === "string" && typeof clientKeyData === "string"
      ? { "client-certificate-data": base64(clientCertificateData), "client-key-data": base64(clientKeyData) }
      : {}),
  };
}

function base64(pem: string): string {
  return Buffer.from(pem, "utf8").toString("base64");
}

/** As client-go tells a helper of the cluster (client.authentication.k8s.io Cluster). */
function clusterInfo(cluster: Fields): Fields {
  const data = cluster["certificate-authority-data"] ?? contentOf(cluster["certificate-authority"]);
  const extensions = entries(cluster.extensions);
  const config = extensions.find(({ name }) => name === "client.authentication.k8s.io/exec")?.extension;
  return {
    server: cluster.server,
    "tls-server-name": cluster["tls-server-name"],
    "insecure-skip-tls-verify": cluster["insecure-skip-tls-verify"] || undefined,
    "certificate-authority-data": data,
    "proxy-url": cluster["proxy-url"],
    "disable-compression": cluster["disable-compression"] || undefined,
    config: config ?? null,
  };
}

function contentOf(file: unknown): string | undefined {
  if (typeof file !== "string" || file === "") return undefined;
  try {
    return readFileSync(file).toString("base64");
  } catch {
    throw failed(`cannot read the certificate authority ${file} of your kubeconfig: check the path`);
  }
}

function failed(message: string): KubeConfigError {
  return new KubeConfigError("CredentialsFailed", message);
}
