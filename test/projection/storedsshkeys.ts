import { hash } from "node:crypto";
import type { StoredSSHKey } from "../../src/claims/record.ts";
import { isProof } from "../claims/keypairs.ts";
import type { Fact } from "../oracle/oracle.ts";
import { statusOf } from "./objectserver.ts";

/** What a person asks for. */
export interface Wish {
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  /** TYPE BASE64 COMMENT; one without that many words is no key. */
  readonly key: string;
  readonly options: readonly string[];
  readonly disabled: boolean;
  readonly expiresAt: number | undefined;
  readonly proof: string | undefined;
}

export function specOf(wish: Wish): NonNullable<StoredSSHKey["spec"]> {
  return {
    user: wish.user,
    key: wish.key,
    options: [...wish.options],
    disabled: wish.disabled,
    ...(wish.proof === undefined ? {} : { proof: wish.proof }),
    ...(wish.expiresAt === undefined ? {} : { expiresAt: new Date(wish.expiresAt).toISOString() }),
  };
}

export function wishOf({ metadata, spec }: StoredSSHKey): Wish {
  const { namespace = "", name } = metadata;
  const { key = "", options = [], disabled = false, expiresAt, user = "", proof } = spec ?? {};
  const expiry = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  return { namespace, name, user, key, options, disabled, expiresAt: expiry, proof };
}

/** What the oracle has to know of an SSHKey. */
export function factOf(object: StoredSSHKey, since: number): Fact {
  const { namespace = "", name, uid, deletionTimestamp } = object.metadata;
  const [type = "", base64 = ""] = (object.spec?.key ?? "").split(" ");
  const expiresAt = object.spec?.expiresAt;
  return {
    namespace,
    name,
    uid,
    user: object.spec?.user ?? "",
    type,
    base64,
    options: (object.spec?.options ?? []).join(","),
    since,
    disabled: object.spec?.disabled === true,
    terminating: deletionTimestamp !== undefined,
    expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
    proven: isProven(object),
    findings: isKey(object) ? [] : ["Invalid"],
  };
}

export function isProven({ spec }: StoredSSHKey): boolean {
  return isProof(spec?.proof, spec?.user ?? "", spec?.key ?? "");
}

/** Who competes, whatever the scope: the namespace and the key. */
export function groupOf(object: StoredSSHKey): string {
  return `${object.metadata.namespace} ${isKey(object) ? object.spec?.key?.split(" ")[1] : object.metadata.uid}`;
}

export function isKey({ spec }: StoredSSHKey): boolean {
  return !(spec?.key ?? "").endsWith("truncated");
}

export function isLookedAt({ status }: StoredSSHKey): boolean {
  return (status?.observedGeneration ?? -1) >= 0;
}

/** Does a list alone say since when this SSHKey has had its key? */
export function isAttested(object: StoredSSHKey): boolean {
  const base64 = object.spec?.key?.split(" ")[1] ?? "";
  if (!isLookedAt(object)) return object.metadata.generation === 1;
  return isKey(object) && statusOf(object).fingerprint === fingerprint(base64);
}

export function fingerprint(base64: string): string {
  return `SHA256:${hash("sha256", Buffer.from(base64, "base64"), "base64").replace("=", "")}`;
}
