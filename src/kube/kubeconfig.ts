import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, sep } from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { parse } from "yaml";
import { isObject } from "../api/object.ts";

/** A kubeconfig that cannot be used. `message` names the file and says what to do; no content is quoted. */
export class KubeConfigError extends Error {
  override readonly name = "KubeConfigError";
  readonly code:
    | "KubeConfigUnreadable"
    | "KubeConfigInvalid"
    | "NoKubeConfig"
    | "NoCurrentContext"
    | "CredentialsFailed";

  constructor(code: KubeConfigError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** Where the configuration comes from and its text, so that a change is noticed. */
export interface KubeConfigSource {
  /** A name for messages: the file, or "the pod's service account". */
  readonly name: string;
  /** Changes when the configuration does. */
  readonly text: string;
  /** Impersonation headers that KubeConfig does not know: groups, uid, extra. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly config: KubeConfig;
}

/**
 * Loads the configuration from, in this order: `file`; the files of $KUBECONFIG; the pod's service account; the file
 * .kube/config in the home folder. Throws a KubeConfigError when none is there or the first found is unusable.
 */
export function loadKubeConfig(file?: string, serviceAccountRoot = ""): KubeConfigSource {
  const listed = file ?? process.env.KUBECONFIG ?? "";
  const files = file === undefined ? listed.split(delimiter).filter((name) => name !== "") : [file];
  if (files.length > 0) {
    return fromFiles(files);
  }
  if (isInCluster(serviceAccountRoot)) {
    return fromServiceAccount(serviceAccountRoot);
  }
  const standard = standardFile();
  if (isMissing(standard)) throw noKubeConfig();
  return fromFiles([standard]);
}

/** The file that is read when nothing names another. */
export function standardFile(): string {
  return join(process.env.HOME ?? homedir(), ".kube", "config");
}

/** Is there nothing of that name? What is there and cannot be read is what somebody meant all the same. */
export function isMissing(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) === undefined;
}

export function noKubeConfig(): KubeConfigError {
  return new KubeConfigError(
    "NoKubeConfig",
    `no kubeconfig found: give --kubeconfig FILE, set KUBECONFIG, or create ${standardFile()}`,
  );
}

const TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** Does this run in a pod with a service account? */
export function isInCluster(root: string): boolean {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  return (
    Boolean(host) &&
    Boolean(port) &&
    statSync(root + TOKEN_PATH, { throwIfNoEntry: false })?.isFile() === true
  );
}

export function fromServiceAccount(root: string): KubeConfigSource {
  const config = new KubeConfig();
  config.loadFromCluster(root);
  return { name: "the pod's service account", text: "", headers: {}, config };
}

/** Fields of a YAML mapping, unchecked. */
export type Fields = Record<string, unknown>;

/** Kubeconfig files merged into one. */
export interface MergedKubeConfig {
  /** The files, for messages. */
  readonly name: string;
  readonly clusters: readonly Fields[];
  readonly users: readonly Fields[];
  readonly contexts: readonly Fields[];
  readonly "current-context"?: unknown;
}

/**
 * Merges files as client-go does: files that do not exist are passed over, the first to name a thing wins. Throws a
 * KubeConfigError when none can be read, or one is no YAML mapping. `texts`: what is read of them already.
 */
export function mergeKubeConfigs(
  files: readonly string[],
  texts: ReadonlyMap<string, string> = new Map(),
): MergedKubeConfig {
  const found = files
    .map((file) => ({ file, text: texts.get(file) ?? readText(file) }))
    .filter(({ text }) => text !== undefined);
  const name = found.map(({ file }) => file).join(delimiter) || files.join(delimiter);
  if (found.length === 0) throw unreadable(name);
  const documents = found.map(({ file, text }) => absolute(parseFile(file, text ?? ""), dirname(file)));
  return {
    name,
    clusters: mergeByName(documents, "clusters"),
    users: mergeByName(documents, "users"),
    contexts: mergeByName(documents, "contexts"),
    "current-context": documents.map((document) => document["current-context"]).find(Boolean),
  };
}

/** What the current context says. Throws a KubeConfigError when it names no cluster. */
export function toKubeConfigSource({ name, ...merged }: MergedKubeConfig): KubeConfigSource {
  return {
    name,
    text: JSON.stringify(merged),
    headers: impersonation(merged),
    config: toKubeConfig(name, merged),
  };
}

function fromFiles(files: readonly string[]): KubeConfigSource {
  return toKubeConfigSource(mergeKubeConfigs(files));
}

function toKubeConfig(name: string, merged: Omit<MergedKubeConfig, "name">): KubeConfig {
  const config = new KubeConfig();
  const clusters = merged.clusters.map(({ cluster, ...entry }) => ({
    ...entry,
    cluster: withoutCheckOfPlain(fieldsOf(cluster)),
  }));
  try {
    // JSON is YAML; KubeConfig takes text only.
    config.loadFromString(JSON.stringify({ ...merged, clusters }));
  } catch {
    throw new KubeConfigError(
      "KubeConfigInvalid",
      `kubeconfig ${name} has an entry without its name or server: check it with "kubectl config view"`,
    );
  }
  if (!config.getCurrentContext() || !config.getCurrentCluster()) {
    throw new KubeConfigError(
      "NoCurrentContext",
      `kubeconfig ${name} has no current context that names a cluster: choose one with "kubectl config use-context NAME"`,
    );
  }
  return config;
}

/** Without TLS there is no certificate to check, but KubeConfig refuses http:// unless told to skip the check. */
function withoutCheckOfPlain(cluster: Fields): Fields {
  const isPlain = typeof cluster.server === "string" && cluster.server.startsWith("http://");
  return isPlain ? { ...cluster, "insecure-skip-tls-verify": true } : cluster;
}

function parseFile(file: string, text: string): Fields {
  if (text === "") return {};
  try {
    const document: unknown = parse(text, { logLevel: "error" });
    if (isObject(document)) {
      return document;
    }
  } catch {
    // The parser's message quotes the file, which holds credentials.
  }
  throw new KubeConfigError(
    "KubeConfigInvalid",
    `kubeconfig ${file} is not a YAML mapping: check it with "kubectl config view"`,
  );
}

/** Makes paths absolute and states what KubeConfig would otherwise misread or leave out. */
function absolute(document: Fields, folder: string): Fields {
  const path = (value: unknown) =>
    typeof value === "string" && value !== "" && !isAbsolute(value) ? join(folder, value) : value;
  const clusters = entries(document.clusters).map((entry) => {
    const cluster = fieldsOf(entry.cluster);
    return {
      ...entry,
      cluster: { ...cluster, "certificate-authority": path(cluster["certificate-authority"]) },
    };
  });
  const users = entries(document.users).map((entry) => ({
    ...entry,
    user: absoluteUser(fieldsOf(entry.user), path, folder),
  }));
  // KubeConfig forgets the cluster's CA when a context names no user.
  const contexts = entries(document.contexts).map((entry) => {
    const context = fieldsOf(entry.context);
    return { ...entry, context: { ...context, user: context.user || ANONYMOUS } };
  });
  return { ...document, clusters, users: [...users, { name: ANONYMOUS, user: {} }], contexts };
}

const ANONYMOUS = "anonymous (no user in the context)";

/** Name of the provider that KubeConfig reads a token file with. */
export const TOKEN_FILE_PROVIDER = "tokenFile";

function absoluteUser(user: Fields, path: (value: unknown) => unknown, folder: string): Fields {
  const { tokenFile, ...rest } = user;
  const made: Fields = {
    ...rest,
    "client-certificate": path(user["client-certificate"]),
    "client-key": path(user["client-key"]),
  };
  if (typeof tokenFile === "string" && tokenFile !== "") {
    // client-go: tokenFile goes before token, and is read again while running.
    delete made.token;
    made["auth-provider"] = { name: TOKEN_FILE_PROVIDER, config: { tokenFile: path(tokenFile) } };
  }
  const exec = user.exec;
  if (isObject(exec)) {
    made.exec = execPlugin(exec, folder);
  }
  return made;
}

/** client-go: a command with a slash is relative to the kubeconfig; the plugin is told which API version to answer in. */
function execPlugin(exec: Fields, folder: string): Fields {
  const { command, apiVersion } = exec;
  const relative = typeof command === "string" && command.includes(sep) && !isAbsolute(command);
  const info = { apiVersion, kind: "ExecCredential", spec: { interactive: false } };
  return {
    ...exec,
    command: relative ? join(folder, command) : command,
    env: [...entries(exec.env), { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(info) }],
  };
}

/** Impersonate-* headers other than Impersonate-User for the user of the current context. */
function impersonation(merged: Omit<MergedKubeConfig, "name">): Record<string, string | string[]> {
  const context = entries(merged.contexts).find((entry) => entry.name === merged["current-context"]);
  const userName = fieldsOf(context?.context).user;
  const user = fieldsOf(entries(merged.users).find((entry) => entry.name === userName)?.user);
  const headers: Record<string, string | string[]> = {};
  if (Array.isArray(user["as-groups"])) {
    headers["Impersonate-Group"] = user["as-groups"].map(String);
  }
  if (typeof user["as-uid"] === "string") {
    headers["Impersonate-Uid"] = user["as-uid"];
  }
  for (const [key, values] of Object.entries(fieldsOf(user["as-user-extra"]))) {
    headers[`Impersonate-Extra-${encodeURIComponent(key)}`] = Array.isArray(values) ? values.map(String) : [];
  }
  return headers;
}

function mergeByName(documents: readonly Fields[], list: string): Fields[] {
  const byName = new Map<unknown, Fields>();
  for (const entry of documents.flatMap((document) => entries(document[list]))) {
    if (!byName.has(entry.name)) {
      byName.set(entry.name, entry);
    }
  }
  return [...byName.values()];
}

/** The file's text, or undefined when it is not there. Throws a KubeConfigError when it cannot be read. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw unreadable(file);
  }
}

function unreadable(name: string): KubeConfigError {
  return new KubeConfigError(
    "KubeConfigUnreadable",
    `cannot read kubeconfig ${name}: check the path and its permissions`,
  );
}

export function entries(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}
