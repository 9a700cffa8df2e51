import { readFile } from "node:fs/promises";

/** One request that the API server carried out, and when it was asked to. */
export interface AuditedRequest {
  /** Name of the service account. */
  readonly by: string;
  /** When the request was received and when it was answered, ms since the epoch. */
  readonly receivedAt: number;
  readonly answeredAt: number;
  readonly verb: string;
  /** `secrets`, `sshkeys/status`, `leases`, `events` */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** Successful writes of the service accounts of a namespace, in the order in which they were received. */
export async function readAuditedWrites(file: string, namespace: string): Promise<AuditedRequest[]> {
  const requests = await readAudited(file, namespace);
  return requests.filter(({ verb }) => /^(create|update|patch|delete)$/.test(verb));
}

/** Successful requests of the service accounts of a namespace, reads as well, in the order in which they were received. */
export async function readAudited(file: string, namespace: string): Promise<AuditedRequest[]> {
  const prefix = `system:serviceaccount:${namespace}:`;
  return (await readFile(file, "utf8"))
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user, responseStatus }) => {
      const isDone = (responseStatus?.code ?? 500) < 300;
      return isDone && user.username.startsWith(prefix);
    })
    .map((event) => writeOf(event, prefix))
    .sort((a, b) => a.receivedAt - b.receivedAt);
}

/** Is it a write that only the leader may make: of a Secret or of a status? */
export function isLeadersWrite({ resource }: AuditedRequest): boolean {
  return resource === "secrets" || resource === "sshkeys/status";
}

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

function writeOf(event: AuditEvent, prefix: string): AuditedRequest {
  const { resource = "", subresource, namespace = "", name = "" } = event.objectRef ?? {};
  return {
    by: event.user.username.slice(prefix.length),
    receivedAt: Date.parse(event.requestReceivedTimestamp),
    answeredAt: Date.parse(event.stageTimestamp),
    verb: event.verb,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
  };
}
