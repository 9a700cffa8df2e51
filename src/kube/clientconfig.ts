import { readFileSync } from "node:fs";
import { delimiter } from "node:path";
import { type ExecCredentialOptions, execCredential } from "./execcredential.ts";
import {
  type Fields,
  fieldsOf,
  fromServiceAccount,
  isInCluster,
  isReadable,
  KubeConfigError,
  type KubeConfigSource,
  type MergedKubeConfig,
  mergeKubeConfigs,
  noKubeConfig,
  standardFile,
  toKubeConfigSource,
} from "./kubeconfig.ts";

/** What kubectl's flags of the same names say in place of the kubeconfig. */
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
}

/** The cluster and the user of a person, as kubectl would take them. */
export interface ClientConfig {
  readonly source: KubeConfigSource;
  /** The one that a command works in when it is not told another. */
  readonly namespace: string;
}

/**
 * Loads what kubectl would with these flags (client-go: clientcmd): --kubeconfig; the files of $KUBECONFIG; .kube/config
 * in the home folder; the pod's service account. A sign-in helper of the user is run, and may ask a person. Rejects with a
 * KubeConfigError that says what to do.
 */
export async function loadClientConfig(
  o: ClientOverrides,
  terminal: ExecCredentialOptions,
): Promise<ClientConfig> {
  const files = filesFor(o);
  if (files === undefined && o.server === undefined) {
    if (!isInCluster("")) throw noKubeConfig();
    return { source: fromServiceAccount(""), namespace: o.namespace ?? namespaceOfPod() };
  }
  const merged = files === undefined ? NO_FILES : mergeKubeConfigs(files);
  const { context, cluster, user } = current(merged, o);
  const credential =
    user.exec === undefined ? {} : await execCredential(fieldsOf(user.exec), cluster, terminal);
  const { exec, ...plainUser } = user;
  const source = toKubeConfigSource({
    name: merged.name,
    clusters: [{ name: CURRENT, cluster }],
    users: [{ name: CURRENT, user: { ...plainUser, ...credential } }],
    contexts: [{ name: CURRENT, context: { cluster: CURRENT, user: CURRENT } }],
    "current-context": CURRENT,
  });
  return { source, namespace: o.namespace ?? (String(context.namespace ?? "") || "default") };
}

const CURRENT = "current";

const NO_FILES: MergedKubeConfig = { name: "given by flags", clusters: [], users: [], contexts: [] };

/** Undefined when there is none. */
function filesFor({ kubeconfig }: ClientOverrides): readonly string[] | undefined {
  if (kubeconfig !== undefined) return [kubeconfig];
  const listed = (process.env.KUBECONFIG ?? "").split(delimiter).filter((name) => name !== "");
  const files = listed.length > 0 ? listed : [standardFile()];
  return files.some(isReadable) ? files : undefined;
}

interface Current {
  readonly context: Fields;
  readonly cluster: Fields;
  readonly user: Fields;
}

function current(merged: MergedKubeConfig, o: ClientOverrides): Current {
  const name = o.context ?? merged["current-context"];
  const context = named(merged.contexts, name, "context");
  if (context === undefined && o.context !== undefined) throw missing("context", o.context, merged.name);
  const clusterName = o.cluster ?? context?.cluster;
  const cluster = named(merged.clusters, clusterName, "cluster");
  const user = named(merged.users, context?.user, "user");
  if (cluster === undefined && o.cluster !== undefined) throw missing("cluster", o.cluster, merged.name);
  if (cluster === undefined && o.server === undefined) {
    throw new KubeConfigError(
      "NoCurrentContext",
      `kubeconfig ${merged.name} has no current context that names a cluster: give --context NAME, or choose one with "kubectl config use-context NAME"`,
    );
  }
  return {
    context: context ?? {},
    cluster: { ...cluster, ...clusterOverrides(o) },
    user: overriddenUser(user ?? {}, o),
  };
}

function named(entries: readonly Fields[], name: unknown, part: string): Fields | undefined {
  const entry = entries.find((each) => each.name === name);
  return entry === undefined ? undefined : fieldsOf(entry[part]);
}

function missing(what: string, name: string, file: string): KubeConfigError {
  return new KubeConfigError(
    "NoCurrentContext",
    `kubeconfig ${file} has no ${what} "${name}": "kubectl config view" shows those that it has`,
  );
}

function clusterOverrides(o: ClientOverrides): Fields {
  const { server, certificateAuthority, insecureSkipTlsVerify, tlsServerName } = o;
  const isPlain = server?.startsWith("http://") === true;
  return {
    ...(server === undefined ? {} : { server }),
    ...(certificateAuthority === undefined
      ? {}
      : { "certificate-authority": certificateAuthority, "certificate-authority-data": undefined }),
    ...(insecureSkipTlsVerify === true || isPlain ? { "insecure-skip-tls-verify": true } : {}),
    ...(tlsServerName === undefined ? {} : { "tls-server-name": tlsServerName }),
  };
}

function overriddenUser(user: Fields, o: ClientOverrides): Fields {
  const { token, clientCertificate, clientKey, as, asGroup, asUid } = o;
  // client-go: a token of the command line puts out every other way to get one.
  const { exec, "auth-provider": provider, token: _, username, password, ...others } = user;
  const {
    as: asBefore,
    "as-groups": groups,
    "as-uid": uid,
    "as-user-extra": extra,
    ...plain
  } = token === undefined ? user : { ...others, token };
  return {
    // Whoever names whom to act as means nobody else's groups.
    ...(as === undefined && asGroup === undefined
      ? { ...plain, as: asBefore, "as-groups": groups, "as-uid": uid, "as-user-extra": extra }
      : plain),
    ...(clientCertificate === undefined
      ? {}
      : { "client-certificate": clientCertificate, "client-certificate-data": undefined }),
    ...(clientKey === undefined ? {} : { "client-key": clientKey, "client-key-data": undefined }),
    ...(as === undefined ? {} : { as }),
    ...(asGroup === undefined ? {} : { "as-groups": asGroup }),
    ...(asUid === undefined ? {} : { "as-uid": asUid }),
  };
}

function namespaceOfPod(): string {
  try {
    return readFileSync("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "utf8").trim();
  } catch {
    return "default";
  }
}
