import { ed25519 } from "../claims/sshkeys.ts";
import type { Write } from "../cluster/auditlog.ts";
import { check } from "../cluster/checker.ts";
import type { Stored, Version } from "../cluster/history.ts";

export const NOW = Date.parse("2026-01-01T00:00:00Z");
export const HOUR_MS = 3_600_000;
export const MANAGED = { "sshkey-operator.dev/managed": "default" };
/** Key lines, as TYPE BASE64. */
export const [ONE = "", TWO = ""] = [1, 2].map((seed) => ed25519(seed).split(" ").slice(0, 2).join(" "));

/** What the checker says of these versions. All is written by the operator, unless it is `foreign`. */
export function breaches(versions: readonly Version[]): readonly string[] {
  const writes = versions.map((version): Write => {
    const isDeletion = version.resource === "secrets" && version.isGone;
    return {
      id: String(version.revision),
      verb: isDeletion ? "delete" : "patch",
      resource: version.resource,
      subresource: "",
      namespace: version.object.metadata.namespace ?? "",
      name: version.object.metadata.name,
      userAgent: "isForeign" in version ? "kubectl/0" : "sshkey-operator/0",
      resourceVersion: isDeletion ? 0 : version.revision,
      receivedAt: version.at,
      answeredAt: version.at,
      ...("sent" in version ? (version.sent as object) : {}),
      sent: isDeletion ? { preconditions: { uid: version.object.metadata.uid } } : {},
      answered: {},
    };
  });
  return check(versions, writes, { blindMs: 1000 }).breaches;
}

export const CREATED = "2026-01-01T00:00:00Z";

/** An SSHKey of alice in the namespace team, unless it is said otherwise. */
export function key(revision: number, line: string, spec: object = {}, name = "one", at = NOW): Version {
  const object = {
    metadata: {
      ...metadata(revision, name),
      generation: 1,
      creationTimestamp: new Date(at).toISOString().replace(".000", ""),
    },
    spec: { user: "alice", key: line, ...spec },
  };
  return foreign(version("sshkeys", revision, object, at));
}

export function metadata(revision: number, name: string, namespace = "team") {
  return { namespace, name, uid: `uid-of-${name}`, resourceVersion: String(revision) };
}

export function version(resource: Version["resource"], revision: number, object: Stored, at = NOW): Version {
  return { resource, isGone: false, revision, at, object };
}

export function gone(of: Version): Version {
  return { ...of, isGone: true };
}

/** With other times of the request. */
export function sent(those: readonly Version[], times: { readonly receivedAt: number }): readonly Version[] {
  return those.map((each) => ({ ...each, sent: times }));
}

export function foreign(of: Version): Version & { readonly isForeign: true } {
  return { ...of, isForeign: true };
}

/** The Namespace team. */
export function space(revision: number, shares: string, labels: object = {}): Version {
  const annotations = { "sshkey-operator.dev/share-keys-with": shares };
  const { namespace: _, ...rest } = metadata(revision, "team");
  return foreign(
    version("namespaces", revision, { metadata: { ...rest, labels: { ...labels }, annotations } }),
  );
}

/** The AuthorizedKeys `hop` of the namespace bastion takes the keys of the namespace team, unless it is said otherwise. */
export function asks(
  revision: number,
  spec: object = {},
  rest: { name?: string; [field: string]: string } = {},
): Version {
  const { name = "hop" } = rest;
  const object = {
    metadata: { ...metadata(revision, name, "bastion"), generation: 1, creationTimestamp: CREATED, ...rest },
    spec: { from: [{ namespace: "team" }], ...spec },
  };
  return foreign(version("authorizedkeys", revision, object));
}

interface Look {
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  /** What the annotation says of its own name. */
  readonly place?: string;
  /** Since when it says to have been empty; null if it does not. */
  readonly since?: string | null;
  readonly at?: number;
}

/** The Secret of that AuthorizedKeys. `files`: the lines by data key. */
export function sharedSecret(
  revision: number,
  files: Readonly<Record<string, readonly string[]>>,
  o: Look = {},
): Version {
  const { namespace = "bastion", labels = MANAGED, at = NOW } = o;
  const isEmpty = Object.values(files).every((lines) => lines.length === 0);
  const { place = `${namespace}/hop`, since = isEmpty ? CREATED : null } = o;
  const annotations = {
    "sshkey-operator.dev/secret": place,
    ...(since === null ? {} : { "sshkey-operator.dev/empty-since": since }),
  };
  const data = Object.entries(files).map(([dataKey, lines]) => [
    dataKey,
    Buffer.from(lines.map((line) => `${line}\n`).join("")).toString("base64"),
  ]);
  const object = {
    metadata: { ...metadata(revision, "hop", namespace), labels, annotations },
    data: Object.fromEntries(data),
  };
  return version("secrets", revision, object, at);
}
