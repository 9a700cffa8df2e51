import type { SSHKeySpec, SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { isProof } from "../claims/keypairs.ts";
import type { Fact } from "../oracle/oracle.ts";

/** The parts of an SSHKey that rules are about, as the API server gives them. */
export interface PlainSSHKey {
  readonly metadata: {
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: SSHKeySpec;
  readonly status?: SSHKeyStatus;
}

/** What the design makes of an SSHKey by itself, with the policy that is built in. `since` in ms since the epoch. */
export function factOf({ metadata, spec }: PlainSSHKey, since: number): Fact {
  const { namespace = "", name = "", uid = "" } = metadata;
  const key = parsePublicKey(spec.key);
  const options = renderOptions(spec.options ?? []);
  const findings: Fact["findings"][number][] = [];
  if (!key.ok || !options.ok || !isUser(spec.user)) findings.push("Invalid");
  if (key.ok && isWeak(key.value.type, key.value.bits)) findings.push("Weak");
  return {
    namespace,
    name,
    uid,
    user: spec.user,
    type: key.ok ? key.value.type : "",
    base64: key.ok ? key.value.blob.toString("base64") : "",
    options: options.ok ? options.value : "",
    since,
    disabled: spec.disabled === true,
    terminating: metadata.deletionTimestamp !== undefined,
    expiresAt: spec.expiresAt === undefined ? undefined : Date.parse(spec.expiresAt),
    proven: !findings.includes("Invalid") && isProof(spec.proof, spec.user, spec.key),
    findings,
  };
}

/** As the status attests it; before it does, the creation. */
export function claimedSince({ metadata, status }: PlainSSHKey): number {
  return Date.parse(status?.claimedSince ?? metadata.creationTimestamp ?? "");
}

/** NFC, and nothing that cannot be seen; a combining mark is seen. */
function isUser(user: string): boolean {
  const isHidden = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]|^\s|\s$/u.test(user);
  return user !== "" && user.normalize("NFC") === user && !isHidden;
}

function isWeak(type: string, bits: number): boolean {
  return type === "ssh-dss" || (type === "ssh-rsa" && (bits < 2048 || bits > 16_384));
}
