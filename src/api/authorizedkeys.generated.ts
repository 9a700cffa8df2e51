// Generated from crds/authorizedkeys.yaml by `node tools/generate-api.ts`. Do not edit.

/**
 * AuthorizedKeys is one Secret with the SSH public keys of many users, for pods that many people log in to: a jump host, an SFTP server, a git server.
 *
 * It takes the SSHKeys that are in force in its own namespace and in others that share theirs: a namespace does so by the annotation sshkey-operator.dev/share-keys-with, which holds names and patterns of namespaces, separated by commas.
 *
 * Example:
 *   apiVersion: sshkey-operator.dev/v1alpha1
 *   kind: AuthorizedKeys
 *   metadata:
 *     name: bastion
 *     namespace: bastion
 *   spec:
 *     from:
 *       - namespace: people
 *         users: [alice, "team-a-*"]
 *     logins:
 *       map:
 *         - { namespace: people, user: bob@example.com, login: robert }
 *     options: [restrict, pty]
 */
export interface AuthorizedKeys {
  /**
   * Version of this API, sshkey-operator.dev/v1alpha1.
   */
  apiVersion?: string;
  /**
   * AuthorizedKeys.
   */
  kind?: string;
  metadata: AuthorizedKeysMetadata;
  spec: AuthorizedKeysSpec;
  status?: AuthorizedKeysStatus;
}
/**
 * The fields of the API server's ObjectMeta that matter to an AuthorizedKeys.
 */
export interface AuthorizedKeysMetadata {
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
 * What is wanted, written by whoever decides who may log in. Without any field: everybody of the own namespace, each in a data key of the user's own name.
 */
export interface AuthorizedKeysSpec {
  /**
   * The Secret that the operator writes, in this namespace. By default it has the name of this object.
   * Rule: a name as Secrets have (DNS-1123 subdomain). It cannot have the prefix of the Secrets of single users, sshkeys- by default: those are the operator's own. Immutable: pods mount it by this name. For another name create another AuthorizedKeys.
   * Example: bastion-keys
   */
  secretName?: string;
  /**
   * Whose keys. Without it: everybody of the own namespace. The order matters: a login or, in a SingleFile, a key that two entries give belongs to the earlier one.
   * Rule: 1 to 32 entries. With identity ByNamespace, where it matters who a user is (layout FilePerLogin, or %u, %n or %l in options), a user name belongs to the first entry that could match it, whether or not there is a key now; so every entry but the last one has users.
   * Example: [{namespace: people, users: [alice, "team-a-*"]}, {namespace: contractors}]
   *
   * @maxItems 32
   */
  from?: AuthorizedKeysSource[];
  /**
   * Who is who. ByNamespace: one user name in two namespaces is two people. ByName: it is one, so who may write SSHKeys in any of the namespaces can log in as any user; for namespaces of one organisation that gives its people one name everywhere.
   * Example: ByName
   */
  identity?: "ByNamespace" | "ByName";
  /**
   * How the Secret looks. FilePerLogin: one data key for each login, of its name; for sshd with AuthorizedKeysCommand /bin/cat /keys/%u. SingleFile: one data key authorized_keys with all keys, each once; for one account that everybody uses.
   * Example: SingleFile
   */
  layout?: "FilePerLogin" | "SingleFile";
  logins?: AuthorizedKeysLogins;
  /**
   * OpenSSH authorized_keys options for the front of every line, one option an item; see AUTHORIZED_KEYS FILE FORMAT in sshd(8). In their values %u is the user, %n the namespace of the SSHKey, %l the login (not in a SingleFile), and %% a percent sign. A key for which they cannot be filled in safely is left out.
   * An SSHKey's own options follow where they narrow what these allow; one with any other is left out.
   * Rule: at most 32 items of 1 to 1024 characters, 16384 characters together, none that cannot be seen (control, format and default-ignorable characters).
   * Example: ['restrict', 'command="git-serve --user %u"']
   *
   * @maxItems 32
   *
   * Items: One option, such as restrict or command="git-serve --user %u".
   */
  options?: string[];
}
/**
 * The keys of one namespace, or of those that a selector finds.
 */
export interface AuthorizedKeysSource {
  /**
   * The namespace of the SSHKeys; without it and without namespaceSelector the own one. Another one has to share its keys with this namespace.
   * Rule: one name, not with namespaceSelector.
   * Example: people
   */
  namespace?: string;
  namespaceSelector?: NamespaceSelector;
  /**
   * Users by their name, spec.user of the SSHKeys, or by patterns, in which * stands for any number of any characters. Names and patterns match whole names. Without it: all users.
   * Rule: 1 to 512 items of 1 to 253 characters, none that cannot be seen (control and format characters). A user who is named, not by a pattern, has a file also without a key.
   * Example: [alice, "team-a-*"]
   *
   * @maxItems 512
   *
   * Items: A name such as alice or alice@example.com, or a pattern such as team-a-*.
   */
  users?: string[];
}
/**
 * The SSHKeys of every namespace with these labels that shares its keys with this one.
 * Rule: not with namespace. One user name in two namespaces would be two people, so it needs identity ByName, or the layout SingleFile without %u, %n and %l in options.
 * Example: {matchLabels: {people: "true"}}
 */
export interface NamespaceSelector {
  /**
   * Labels of the namespaces, each with its value.
   * Rule: 1 to 16 labels.
   * Example: {people: "true"}
   */
  matchLabels: {
    [k: string]: string;
  };
}
/**
 * How a user of an SSHKey becomes a login, the name of an account, in the layout FilePerLogin. Without it the login is the user's name.
 * Example: {rule: LocalPart, map: [{namespace: people, user: bob@example.com, login: robert}]}
 */
export interface AuthorizedKeysLogins {
  /**
   * The login of a user that map does not have. User: the name as it is. LocalPart: what stands before the first @. Nothing is folded or cut: a user of whose name this makes no login is left out, and so are two users of one namespace of whose names it makes one login.
   * Example: LocalPart
   */
  rule?: "User" | "LocalPart";
  /**
   * Logins of single users, before the rule: for names that are no login, and for root, which nobody gets otherwise.
   * Rule: at most 256 entries, each user once and each login once.
   * Example: [{namespace: people, user: bob@example.com, login: robert}]
   *
   * @maxItems 256
   */
  map?: LoginMapping[];
}
/**
 * The login of one user.
 */
export interface LoginMapping {
  /**
   * The namespace of the user's SSHKeys, also where it is the own one. With identity ByName a user is the same in every namespace, and this is left out.
   * Example: people
   */
  namespace?: string;
  /**
   * The user, as spec.user of the SSHKeys has it. No pattern.
   * Rule: 1 to 253 characters, none that cannot be seen (control, format and default-ignorable characters), no space at either end.
   * Example: bob@example.com
   */
  user: string;
  /**
   * The account's name.
   * Rule: 1 to 32 characters, the first one a to z or _, the others a to z, 0 to 9, _ . or -; not authorized_keys. Accounts of other names, such as those of digits only, cannot be had.
   * Example: robert
   */
  login: string;
}
/**
 * What the operator found and wrote, written by the operator. observedGeneration is -1 until it has processed the object.
 */
export interface AuthorizedKeysStatus {
  /**
   * The Secret of this namespace to mount. Present once the operator has written it.
   * Example: bastion-keys
   */
  secretName?: string;
  /**
   * How many users have keys in the Secret.
   * Example: 40
   */
  userCount?: number;
  /**
   * How many keys the Secret holds. In the layout FilePerLogin a key of two users counts twice.
   * Example: 95
   */
  keyCount?: number;
  /**
   * What the spec asks for and the Secret does not hold, the first 50 of it. Keys that are not in force where they live, such as Expired ones, are not among it: their own SSHKey says so.
   * reason is one of NotShared, NoLogin, LoginTaken, UserElsewhere, KeyTaken, OptionsConflict, NotTemplatable, SecretFull or Rejected.
   *
   * @maxItems 50
   */
  omitted?: Omission[];
  /**
   * How much is left out, also of what omitted has no room for.
   * Example: 0
   */
  omittedCount?: number;
  /**
   * How many keys should be out of the Secret and are still in it, since the API server rejects the write or the Secret is not managed. While it is above 0, Stalled is True: these people can still log in.
   * Example: 0
   */
  blockedRemovals?: number;
  /**
   * The metadata.generation that this status was written for. If it is smaller, the status is out of date; -1 means that the operator has not processed the object yet.
   */
  observedGeneration?: number;
  /**
   * Ready: the Secret holds what the sources give. Complete: nothing that the spec asks for is left out; it never makes Ready False. Stalled: nothing changes until a person acts; present only then.
   * The reason of Ready is the STATE of kubectl get: Projected, Pending, Unknown, InvalidOptions, SecretConflict, TooMany or Terminating. The message says what is wrong and what to do.
   */
  conditions?: AuthorizedKeysCondition[];
}
/**
 * One thing left out, a namespace, a user or an SSHKey, and why.
 */
export interface Omission {
  /**
   * The namespace of the user or the SSHKey, or the one that is left out as a whole.
   * Example: people
   */
  namespace?: string;
  /**
   * The user who is left out, or whose SSHKey is.
   * Example: bob@example.com
   */
  user?: string;
  /**
   * The name of the SSHKey, where it alone is left out.
   * Example: alice-laptop
   */
  sshKey?: string;
  /**
   * Machine-readable reason.
   * Example: NoLogin
   */
  reason: string;
  /**
   * A sentence for people that says what is wrong and what to do.
   */
  message: string;
}
/**
 * One aspect of the state of this AuthorizedKeys.
 */
export interface AuthorizedKeysCondition {
  /**
   * Ready, Complete or Stalled.
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
