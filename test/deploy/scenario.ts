import { generateKeyPairSync } from "node:crypto";
import {
  API_VERSION,
  AUTHORIZED_KEYS_KIND,
  AUTHORIZED_KEYS_PLURAL,
  KEYS_CHANGED_ANNOTATION,
  KIND,
  PLURAL,
  REFRESH_LABEL,
} from "../../src/api/names.ts";
import type { State } from "../../src/api/states.ts";
import { eventually } from "../cluster/eventually.ts";
import type { Installation } from "./installation.ts";

/**
 * Leads SSHKeys of one namespace through all that a running operator has to do: projection, a duplicate and its
 * promotion, revocation, expiry, a foreign Secret in the way, the collection of an empty Secret, and an AuthorizedKeys; `refreshes`: the
 * refresh of a pod, too. Throws when one of them does not come about. The operator must run with a short retention.
 */
export async function liveThrough(
  { request }: Installation,
  namespace: string,
  { refreshes = false } = {},
): Promise<void> {
  const keys = `/apis/${API_VERSION}/namespaces/${namespace}/${PLURAL}`;
  const secrets = `/api/v1/namespaces/${namespace}/secrets`;

  const declare = async (name: string, user: string, key: string) => {
    const object = { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec: { user, key } };
    expectStatus(await request("POST", keys, object), 201);
  };
  const expire = async (name: string) => {
    const expiresAt = `${new Date(Date.now() + 2000).toISOString().slice(0, 19)}Z`;
    expectStatus(await request("PATCH", `${keys}/${name}`, { spec: { expiresAt } }), 200);
  };
  const revoke = async (name: string) => expectStatus(await request("DELETE", `${keys}/${name}`), 200);
  const stateOf = async (name: string) => {
    const { body } = await request("GET", `${keys}/${name}`);
    return (body as Judged).status?.conditions?.find(({ type }) => type === "Ready")?.reason;
  };
  const reaches = (name: string, state: State) =>
    eventually(`${name} is ${state}`, async () => (await stateOf(name)) === state);
  const file = (user: string, isRight: (text: string | undefined) => boolean, what: string) =>
    eventually(`the Secret of ${user} is ${what}`, async () => {
      const { body } = await request("GET", `${secrets}/sshkeys-${user}`);
      const data = (body as { data?: Record<string, string> }).data?.authorized_keys;
      return isRight(data === undefined ? undefined : Buffer.from(data, "base64").toString("utf8"));
    });

  expectStatus(await request("POST", secrets, { metadata: { name: "sshkeys-mallory" } }), 201);
  await declare("mallory", "mallory", publicKeyLine());
  await reaches("mallory", "SecretConflict");

  const shared = publicKeyLine();
  const rivals = ["alice", "bob"];
  for (const rival of rivals) await declare(rival, rival, shared);
  // Which of two keys of the same second is the older one, their UIDs decide.
  const duplicate = await eventually("one of the rivals is Duplicate, the other Projected", async () => {
    const states = await Promise.all(rivals.map(stateOf));
    return states.includes("Projected") && rivals[states.indexOf("Duplicate")];
  });
  for (const rival of rivals.filter((each) => each !== duplicate)) await revoke(rival);
  await reaches(duplicate, "Projected");

  const authorizedKeys = `/apis/${API_VERSION}/namespaces/${namespace}/${AUTHORIZED_KEYS_PLURAL}`;
  const gate = { apiVersion: API_VERSION, kind: AUTHORIZED_KEYS_KIND, metadata: { name: "gate" }, spec: {} };
  expectStatus(await request("POST", authorizedKeys, gate), 201);
  await eventually("the AuthorizedKeys is Projected", async () => {
    const { body } = await request("GET", `${authorizedKeys}/gate`);
    return (body as Judged).status?.conditions?.some(({ reason }) => reason === "Projected");
  });

  await declare("carol", "carol", publicKeyLine());
  await reaches("carol", "Projected");
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  if (refreshes) {
    expectStatus(await request("POST", pods, pod), 201);
    expectStatus(await request("PATCH", `${pods}/bastion/status`, { status: { phase: "Running" } }), 200);
  }
  await expire("carol");
  await reaches("carol", "Expired");
  await file("carol", (text) => text === "", "empty");
  if (refreshes)
    await eventually("the pod is annotated", async () => {
      const { body } = await request("GET", `${pods}/bastion`);
      const { annotations = {} } = (body as { metadata: { annotations?: object } }).metadata;
      return KEYS_CHANGED_ANNOTATION in annotations;
    });
  await revoke("carol");
  await file("carol", (text) => text === undefined, "gone");
}

/** It mounts Carol's Secret. */
const pod = {
  metadata: { name: "bastion", labels: { [REFRESH_LABEL]: "true" } },
  spec: {
    containers: [{ name: "sshd", image: "sshd" }],
    volumes: [{ name: "carol", secret: { secretName: "sshkeys-carol" } }],
  },
};

interface Judged {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly reason: string }[] };
}

function expectStatus({ status, body }: { status: number; body: unknown }, expected: number): void {
  if (status !== expected) throw new Error(`${status} instead of ${expected}: ${JSON.stringify(body)}`);
}

/** A fresh key, in the wire format of RFC 8709 section 4. */
function publicKeyLine(): string {
  const { publicKey } = generateKeyPairSync("ed25519");
  const point = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const blob = Buffer.concat(["ssh-ed25519", point].flatMap((part) => [length(part), Buffer.from(part)]));
  return `ssh-ed25519 ${blob.toString("base64")}`;
}

function length(part: string | Buffer): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(part.length);
  return bytes;
}
