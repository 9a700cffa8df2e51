import { readFile } from "node:fs/promises";

/** One write that the API server carried out, as its audit log tells it. */
export interface Write {
  /** No two writes have the same. */
  readonly id: string;
  readonly verb: "create" | "update" | "patch" | "delete" | "deletecollection";
  /** `secrets`, `sshkeys`, `events`, … */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly userAgent: string;
  /** Of the object after the write; 0 where the answer holds no object, as after a deletion. */
  readonly resourceVersion: number;
  /** When the request came in and when it was answered, ms since the epoch. */
  readonly receivedAt: number;
  readonly answeredAt: number;
  /** What was sent and what was answered; SSHKeys and Secrets only. */
  readonly sent: Body;
  readonly answered: Body;
}

export type Body = Readonly<Record<string, unknown>>;

/**
 * The writes that succeeded, in the order in which etcd took them: resourceVersions are revisions of the whole store.
 * The log itself is in the order of answers, which may be another one.
 */
export async function readWrites(file: string): Promise<Write[]> {
  const writes = (await readFile(file, "utf8"))
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ verb, responseStatus }) => VERBS.has(verb) && (responseStatus?.code ?? 500) < 300)
    .map(writeOf);
  return writes.sort((a, b) => a.resourceVersion - b.resourceVersion);
}

/** One request that the API server answered, whatever it was and whatever became of it. */
export interface AuditedRequest {
  readonly verb: string;
  readonly uri: string;
  readonly userAgent: string;
  readonly status: number;
  /** When it was answered, in ms since the epoch. */
  readonly at: number;
}

/** Every request, in the order of the answers; a watch when it has ended. */
export async function readRequests(file: string): Promise<readonly AuditedRequest[]> {
  return (await readFile(file, "utf8"))
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditEvent)
    .map(({ verb, requestURI = "", userAgent = "", responseStatus, stageTimestamp }) => ({
      verb,
      uri: requestURI,
      userAgent,
      status: responseStatus?.code ?? 0,
      at: Date.parse(stageTimestamp),
    }));
}

/** Writes that the operator made. */
export function byOperator({ userAgent }: Write): boolean {
  return userAgent.startsWith("sshkey-operator/");
}

interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly userAgent?: string;
  readonly requestURI?: string;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestObject?: Body;
  readonly responseObject?: Body;
}

const VERBS: ReadonlySet<string> = new Set(["create", "update", "patch", "delete", "deletecollection"]);

function writeOf(event: AuditEvent): Write {
  const { objectRef = {}, responseObject = {}, requestObject = {} } = event;
  const metadata = Object(responseObject.metadata) as { name?: string; resourceVersion?: string };
  return {
    id: event.auditID,
    verb: event.verb as Write["verb"],
    resource: objectRef.resource ?? "",
    subresource: objectRef.subresource ?? "",
    namespace: objectRef.namespace ?? "",
    name: objectRef.name ?? metadata.name ?? "",
    userAgent: event.userAgent ?? "",
    resourceVersion: Number(metadata.resourceVersion ?? 0),
    receivedAt: Date.parse(event.requestReceivedTimestamp),
    answeredAt: Date.parse(event.stageTimestamp),
    sent: requestObject,
    answered: responseObject,
  };
}
