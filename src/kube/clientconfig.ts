import { readFileSync } from "node:fs";
import { delimiter } from "node:path";
import { addAbortSignal } from "node:stream";
import { text } from "node:stream/consumers";
import { fileStream, isPipe } from "../filestream.ts";
import { checkClientConfig } from "./clientconfigcheck.ts";
import { type ExecCredentialOptions, execCredential } from "./execcredential.ts";
import {
  type Fields,
  fieldsOf,
  fromServiceAccount,
  isInCluster,
  isMissing,
  KubeConfigError,
  type KubeConfigSource,
  type MergedKubeConfig,
  mergeKubeConfigs,
  noKubeConfig,
  standardFile,
  TOKEN_FILE_PROVIDER,
  toKubeConfigSource,
} from "./kubeconfig.ts";
import { proxyFromEnvironment } from "./proxyenv.ts";

/** What kubectl's flags of the same names say in place of the kubeconfig; an empty text says nothing. */
export interface ClientOverrides {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly server?: string;
  readonly certificateAuthority?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly tlsServerName?: string;
  readonly token?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
  readonly asUid?: string;
  /** KEY=VALUE; what has no "=" says nothing. */
  readonly asUserExtra?: readonly string[];
}

/** The cluster and the user of a person, as kubectl would take them. */
export interface ClientConfig {
  readonly source: KubeConfigSource;
  /** The one that a command works in when it is not told another. */
  readonly namespace: string;
}

/**
 * Loads what kubectl would with these flags (client-go: tools/clientcmd): --kubeconfig; the files of $KUBECONFIG;
 * .kube/config in the home folder; where none of them names a cluster, the pod's service account. A sign-in helper of the
 * user is run, and may ask a person. Rejects with a KubeConfigError that says what to do.
 */
export async function loadClientConfig(
  given: ClientOverrides,
  terminal: ExecCredentialOptions,
): Promise<ClientConfig> {
  const o = withoutEmpty(given);
  const files = filesFor(o);
  const merged =
    files === undefined ? NO_FILES : mergeKubeConfigs(files, await pipeTexts(files, terminal.signal));
  const chosen = current(merged, o);
  const { context } = chosen;
  const namespace = o.namespace ?? (String(context.namespace ?? "") || ownNamespace());
  const { cluster, user } = !chosen.cluster.server && isInCluster("") ? ofPod(o) : chosen;
  const server = serverOf(cluster);
  if (server === undefined) throw files === undefined ? noKubeConfig() : noCluster(merged.name);
  checkClientConfig(merged.name, cluster, user);
  const signedIn = server.startsWith("https://") ? await signIn(user, cluster, terminal) : actingAs(user);
  const source = toKubeConfigSource({
    name: merged.name,
    clusters: [{ name: CURRENT, cluster: { ...cluster, server, "proxy-url": proxyOf(cluster, server) } }],
    users: [{ name: CURRENT, user: signedIn }],
    contexts: [{ name: CURRENT, context: { cluster: CURRENT, user: CURRENT } }],
    "current-context": CURRENT,
  });
  return { source, namespace };
}

const CURRENT = "current";

const NO_FILES: MergedKubeConfig = { name: "given by flags", clusters: [], users: [], contexts: [] };

function withoutEmpty(o: ClientOverrides): ClientOverrides {
  return Object.fromEntries(Object.entries(o).filter(([, value]) => value !== ""));
}

/** Undefined when there is none. */
function filesFor({ kubeconfig }: ClientOverrides): readonly string[] | undefined {
  if (kubeconfig !== undefined) return [kubeconfig];
  const { KUBECONFIG: listed = "" } = process.env;
  const files = listed === "" ? [standardFile()] : listed.split(delimiter).filter((name) => name !== "");
  return files.every(isMissing) ? undefined : files;
}

/** What comes through those that are named pipes. Rejects when the person stops waiting. */
async function pipeTexts(
  files: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const file of files.filter(isPipe)) {
    const stream = await fileStream(file);
    texts.set(file, await text(signal === undefined ? stream : addAbortSignal(signal, stream)));
  }
  return texts;
}

/** The names that --context and --cluster may have, as the files say them; pipes are left to others. Throws a KubeConfigError. */
export function kubeConfigNames(o: Pick<ClientOverrides, "kubeconfig">): {
  readonly contexts: readonly string[];
  readonly clusters: readonly string[];
} {
  const files = filesFor(withoutEmpty(o));
  const { contexts, clusters } =
    files === undefined ? NO_FILES : mergeKubeConfigs(files.filter((file) => !isPipe(file)));
  return { contexts: contexts.map(nameOf), clusters: clusters.map(nameOf) };
}

function nameOf({ name }: Fields): string {
  return String(name ?? "");
}

interface Current {
  readonly context: Fields;
  readonly cluster: Fields;
  readonly user: Fields;
}

function current(merged: MergedKubeConfig, o: ClientOverrides): Current {
  const name = o.context ?? (merged["current-context"] || undefined);
  const context = named(merged.contexts, name, "context");
  if (context === undefined && name !== undefined) throw missing("context", name, merged.name);
  const cluster = named(merged.clusters, o.cluster ?? context?.cluster, "cluster");
  if (cluster === undefined && o.cluster !== undefined) throw missing("cluster", o.cluster, merged.name);
  return {
    context: context ?? {},
    cluster: overriddenCluster(cluster ?? {}, o),
    user: overriddenUser(named(merged.users, context?.user, "user") ?? {}, o),
  };
}

function named(entries: readonly Fields[], name: unknown, part: string): Fields | undefined {
  const entry = entries.find((each) => each.name === name);
  return entry === undefined ? undefined : fieldsOf(entry[part]);
}

function missing(what: string, name: unknown, file: string): KubeConfigError {
  return new KubeConfigError(
    "NoCurrentContext",
    `kubeconfig ${file} has no ${what} "${name}": "kubectl config view" shows those that it has`,
  );
}

function noCluster(file: string): KubeConfigError {
  return new KubeConfigError(
    "NoCurrentContext",
    `kubeconfig ${file} has no current context that names a cluster: give --context NAME, or choose one with "kubectl config use-context NAME"`,
  );
}

function proxyOf(cluster: Fields, server: string): unknown {
  if (cluster["proxy-url"]) return cluster["proxy-url"];
  return URL.canParse(server) ? proxyFromEnvironment(new URL(server), process.env) : undefined;
}

/** client-go: an address without a scheme is one of plain HTTP. */
function serverOf(cluster: Fields): string | undefined {
  const server = String(cluster.server || process.env.KUBERNETES_MASTER || "");
  return server === "" || server.includes("://") ? server || undefined : `http://${server}`;
}

/** client-go: an address of the command line is not that of the name in the file, nor is an authority beside a skipped check. */
function overriddenCluster(cluster: Fields, o: ClientOverrides): Fields {
  const { server, certificateAuthority, insecureSkipTlsVerify, tlsServerName } = o;
  const saysWhom = server !== undefined || tlsServerName !== undefined;
  const saysTrust = certificateAuthority !== undefined || insecureSkipTlsVerify === true;
  return {
    ...cluster,
    ...(server === undefined ? {} : { server }),
    ...(saysWhom ? { "tls-server-name": tlsServerName } : {}),
    ...(saysTrust
      ? {
          "certificate-authority": certificateAuthority,
          "certificate-authority-data": undefined,
          "insecure-skip-tls-verify": insecureSkipTlsVerify,
        }
      : {}),
  };
}

function overriddenUser(user: Fields, o: ClientOverrides): Fields {
  const { token, clientCertificate, clientKey, as, asGroup, asUid, asUserExtra } = o;
  return {
    ...user,
    ...(token === undefined ? {} : { token }),
    ...(clientCertificate === undefined
      ? {}
      : { "client-certificate": clientCertificate, "client-certificate-data": undefined }),
    ...(clientKey === undefined ? {} : { "client-key": clientKey, "client-key-data": undefined }),
    ...(as === undefined ? {} : { as }),
    ...(asGroup === undefined ? {} : { "as-groups": asGroup }),
    ...(asUid === undefined ? {} : { "as-uid": asUid }),
    ...(asUserExtra === undefined
      ? {}
      : { "as-user-extra": { ...fieldsOf(user["as-user-extra"]), ...extraOf(asUserExtra) } }),
  };
}

function extraOf(pairs: readonly string[]): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const pair of pairs) {
    const [, key, value] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    if (key !== undefined && value !== undefined) extra[key] = [...(extra[key] ?? []), value];
  }
  return extra;
}

/** The user with one way to sign in, the first that client-go would take; a helper is run. */
async function signIn(user: Fields, cluster: Fields, terminal: ExecCredentialOptions): Promise<Fields> {
  const { exec, token, "auth-provider": provider, ...others } = user;
  const isFromFile = fieldsOf(provider).name === TOKEN_FILE_PROVIDER;
  if (isFromFile) return { ...others, "auth-provider": provider };
  if (token) return { ...others, token };
  if (exec === undefined) return { ...others, "auth-provider": provider };
  const isKnown = others.username || others.password || others["client-certificate"];
  if (isKnown || others["client-certificate-data"]) return others;
  return { ...others, ...(await execCredential(fieldsOf(exec), cluster, terminal)) };
}

/** Over a line that anybody can read no credentials are sent. */
function actingAs(user: Fields): Fields {
  const kept = ["as", "as-groups", "as-uid", "as-user-extra"];
  return Object.fromEntries(Object.entries(user).filter(([name]) => kept.includes(name)));
}

/** The pod's service account; of it the command line may name another token, another authority, and whom to act as. */
function ofPod(o: ClientOverrides): Pick<Current, "cluster" | "user"> {
  const { config } = fromServiceAccount("");
  const pod = config.getCurrentCluster();
  const provider = o.token === undefined ? { "auth-provider": config.getCurrentUser()?.authProvider } : {};
  const cluster = { server: pod?.server, "certificate-authority": pod?.caFile };
  return { cluster: overriddenCluster(cluster, o), user: overriddenUser(provider, o) };
}

/** Where a command works that no flag and no context tells: in a pod its own namespace. */
function ownNamespace(): string {
  if (!isInCluster("")) return "default";
  const { POD_NAMESPACE: told = "" } = process.env;
  return told || contentOf(NAMESPACE_FILE) || "default";
}

const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}
