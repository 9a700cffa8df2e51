// Generated from crds/sshkeys.yaml by `node tools/generate-api.ts`. Do not edit.

/**
 * SSHKey is one SSH public key of one user.
 *
 * The operator checks the key, reports on status what it is, and writes every key that is valid, unique and in force into the Secret of its user, whose authorized_keys file pods mount.
 *
 * Example:
 *   apiVersion: sshkey-operator.dev/v1alpha1
 *   kind: SSHKey
 *   metadata:
 *     name: alice-laptop
 *     namespace: team-a
 *   spec:
 *     user: alice
 *     key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ alice@laptop
 */
export interface SSHKey {
  /**
   * Version of this API, sshkey-operator.dev/v1alpha1.
   */
  apiVersion?: string;
  /**
   * SSHKey.
   */
  kind?: string;
  metadata: SSHKeyMetadata;
  spec: SSHKeySpec;
  status?: SSHKeyStatus;
}
/**
 * The fields of the API server's ObjectMeta that matter to an SSHKey.
 */
export interface SSHKeyMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  /**
   * RFC 3339, in whole seconds.
   */
  creationTimestamp?: string;
  /**
   * RFC 3339, in whole seconds.
   */
  deletionTimestamp?: string;
  labels?: {
    [k: string]: string;
  };
  annotations?: {
    [k: string]: string;
  };
}
/**
 * What is wanted, written by the owner of the key. user and key are required.
 */
export interface SSHKeySpec {
  /**
   * Who the key belongs to: any name an identity provider uses. All keys of one user in one namespace are in one Secret.
   * Rule: 1 to 253 characters, none that cannot be seen (control, format and default-ignorable characters), no space at either end, in Unicode normalization form NFC. Immutable: to give a key to another user, delete the SSHKey and create a new one.
   * Example: alice, or alice@example.com
   */
  user: string;
  /**
   * The public key as OpenSSH writes it: the one line of a .pub file, TYPE BASE64 [COMMENT]. Never a private key: that is refused before it is stored. The key may be changed: one write removes the old line from the Secret and adds the new one, and the claim to the new key dates from the change.
   * Rule: one line (a single newline at its end is accepted, as YAML's `key: |` makes one), at most 16384 characters (code points). TYPE is one of ssh-ed25519, ssh-rsa, ssh-dss, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com, ssh-mldsa44-ed25519@openssh.com; the operator's configuration says which of them are accepted. Options do not go in front of TYPE but into options. COMMENT is shown on status and never reaches the Secret.
   * Example: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ alice@laptop
   */
  key: string;
  /**
   * A name for people to tell the keys of a user apart. Display only.
   * Rule: at most 255 characters, none that cannot be seen (control, format and default-ignorable characters).
   * Example: Alice's laptop
   */
  title?: string;
  /**
   * OpenSSH authorized_keys options that limit what the key may do, one option an item; see AUTHORIZED_KEYS FILE FORMAT in sshd(8). Each is parsed and re-rendered, never copied; one that sshd would not accept makes the key Invalid. For expiry-time use expiresAt.
   * Rule: at most 32 items of 1 to 1024 characters, 16384 characters together, none that cannot be seen (control, format and default-ignorable characters).
   * Example: ['restrict', 'pty', 'from="10.0.0.0/8,192.0.2.7"', 'command="/usr/bin/backup"']
   *
   * @maxItems 32
   *
   * Items: One option, such as restrict or from="10.0.0.0/8".
   */
  options?: string[];
  /**
   * From this time on the key is removed from the Secret. The line in the Secret carries the same time, so that sshd refuses the key even if nothing else runs (OpenSSH 9.1 or newer; an older one if the operator's configuration says expiryTimeFormat: WithoutZ).
   * Rule: a date and time of RFC 3339 with its offset, at most 64 characters. Without this field the key does not expire, unless the operator's configuration limits the lifetime of keys.
   * Example: 2027-01-31T18:00:00Z, or 2027-01-31T18:00:00+01:00
   */
  expiresAt?: string;
  /**
   * True removes the key from the Secret and keeps the SSHKey. Absent is the same as false.
   * Example: true
   */
  disabled?: boolean;
  /**
   * Proof that the user has the private key: a signature of the user's name by this very key, as ssh-keygen -Y sign prints it. A claim with a proof comes before every claim without one, so nobody else can hold the key by having copied its public half. The operator's configuration says whether keys without a proof are accepted. It is no secret: it may stand in git.
   * This prints it, for the user alice; with a security key or a key in ssh-agent too: printf %s alice | ssh-keygen -Y sign -n sshkey-operator.dev -f ~/.ssh/id_ed25519 -
   * Rule: one signature, from its line BEGIN SSH SIGNATURE to its line END SSH SIGNATURE, at most 16384 characters; as a block, `proof: |`, it keeps its lines.
   * Example: -----BEGIN SSH SIGNATURE----- U1NIU0lHAAAA... -----END SSH SIGNATURE-----
   */
  proof?: string;
}
/**
 * What the operator found, written by the operator, except lastUsed. observedGeneration is -1 until it has processed the object.
 */
export interface SSHKeyStatus {
  /**
   * Key type as OpenSSH names it.
   * Example: ssh-ed25519
   */
  type?: string;
  /**
   * Key length in bits, as ssh-keygen -l prints it.
   * Example: 256
   */
  length?: number;
  /**
   * SHA256 fingerprint, byte for byte what ssh-keygen -l and the log of sshd print. Two encodings of one key have one fingerprint.
   * To find the owner of a key: kubectl get sshkeys -A --field-selector status.fingerprint=SHA256:...
   * Example: SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg
   */
  fingerprint?: string;
  /**
   * MD5 fingerprint as colon-separated hex, what ssh-keygen -l -E md5 prints after MD5:. For tools that support no other.
   * Example: 6f:1a:8a:c1:4f:13:5c:36:6e:3f:be:eb:49:3b:8e:3e
   */
  fingerprintMD5?: string;
  /**
   * Comment of the key line, the first 1024 characters of it, without control and hidden characters.
   * Example: alice@laptop
   */
  comment?: string;
  proof?: SSHKeyProof;
  /**
   * Secret of this namespace that holds the key, under authorized_keys. Present only while it does.
   * Example: sshkeys-alice
   */
  secretName?: string;
  duplicateOf?: SSHKeyReference;
  /**
   * Since when this SSHKey has claimed its key: its creation, or the time when the operator saw its key edited to this one. Of two SSHKeys with one key a proven claim holds it before an unproven one (see spec.proof), then the older claim.
   * Example: 2026-01-31T18:00:00Z
   */
  claimedSince?: string;
  lastUsed?: SSHKeyLastUsed;
  /**
   * The metadata.generation that this status was written for. If it is smaller, the status is out of date; -1 means that the operator has not processed the object yet.
   */
  observedGeneration?: number;
  /**
   * Valid: the key is well formed and acceptable. Unique: no other SSHKey of this namespace holds the key with a better claim. Proven: the user has proven to have the private key; present only where there is a proof or one is required. Projected: the Secret holds the line, True exactly while it does. Ready: the cluster is in the state that the spec asks for, which for a disabled or expired key is to be removed from the Secret. Stalled: nothing changes until a person acts; present only then. Advice: something is unusual about the key, which is not refused for it; present only then, and the message says what to do.
   * The reason of Ready is the STATE of kubectl get: Projected, Accepted, Pending, SecretConflict, Terminating, Disabled, Expired, Invalid, Compromised, Revoked, Weak, Unproven, Duplicate or SecretFull. The message says what is wrong and what to do.
   */
  conditions?: SSHKeyCondition[];
}
/**
 * How the proof of a security key (FIDO authenticator) was made. Present only with a valid proof by such a key.
 */
export interface SSHKeyProof {
  /**
   * Whether the authenticator was touched (user presence).
   */
  touched: boolean;
  /**
   * Whether the authenticator asked for its PIN or a biometric (user verification).
   */
  userVerified: boolean;
}
/**
 * SSHKey of this namespace that holds the same key with the better claim. Keys in other namespaces are never compared.
 */
export interface SSHKeyReference {
  /**
   * Name of that SSHKey.
   */
  name: string;
  /**
   * Namespace of that SSHKey.
   */
  namespace: string;
}
/**
 * When somebody last logged in with the key, as far as logs of sshd were read. Written by sshkey-operator usage and never by the operator; absent where nobody reports it. Logs can be forged by whoever owns the pod that writes them: it helps to find keys that nobody needs, and proves nothing.
 */
export interface SSHKeyLastUsed {
  /**
   * The day, as its first moment in UTC: reported at most once a day. A day that has not come yet counts as none.
   * Example: 2027-01-31T00:00:00Z
   */
  time: string;
  /**
   * Whose log said so: a pod as pod/NAMESPACE/NAME, or the name that whoever reads the log gave it.
   * Example: pod/bastion/bastion-7d4b9c6f5-x2v8q
   */
  source: string;
  /**
   * SHA256 fingerprint of the key that was used. When it is not status.fingerprint, the key was changed since, and the new one has not been used.
   * Example: SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg
   */
  fingerprint: string;
}
/**
 * One aspect of the state of this SSHKey.
 */
export interface SSHKeyCondition {
  /**
   * Valid, Unique, Proven, Projected, Ready, Stalled or Advice.
   */
  type: string;
  /**
   * Whether it holds, True, False or Unknown.
   */
  status: "True" | "False" | "Unknown";
  /**
   * The metadata.generation that this condition was written for.
   */
  observedGeneration?: number;
  /**
   * When status last changed.
   */
  lastTransitionTime: string;
  /**
   * Machine-readable reason.
   */
  reason: string;
  /**
   * A sentence for people that says what is wrong and what to do.
   */
  message: string;
}
