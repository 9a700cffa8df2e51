/** API group of SSHKey and AuthorizedKeys; also the prefix of every label and annotation. */
export const GROUP = "sshkey-operator.dev";

/** The one version of the group. */
export const VERSION = "v1alpha1";

/** What an SSHKey or AuthorizedKeys carries as `apiVersion`. */
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** What an SSHKey carries as `kind`. */
export const KIND = "SSHKey";

/** Name of the resource in URLs, RBAC rules and `kubectl get`. */
export const PLURAL = "sshkeys";

/** What an AuthorizedKeys carries as `kind`. */
export const AUTHORIZED_KEYS_KIND = "AuthorizedKeys";

/** Name of the resource in URLs, RBAC rules and `kubectl get`. */
export const AUTHORIZED_KEYS_PLURAL = "authorizedkeys";

/** Name of the operator in metadata.managedFields. */
export const FIELD_MANAGER = "sshkey-operator";

/** Name of `sshkey-operator usage` in metadata.managedFields, and of its service accounts: deploy/policies/usage.yaml. */
export const USAGE_FIELD_MANAGER = "sshkey-usage";

/** Label of every Secret of an installation; its value is the installation's name. Selects what is listed and watched. */
export const MANAGED_LABEL = `${GROUP}/managed`;

/** Set for people and their tools; the operator never reads it. */
export const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";
export const MANAGED_BY = "sshkey-operator";

/** `NAMESPACE/NAME` of the Secret itself: where it differs, the Secret is somebody's copy. */
export const SECRET_ANNOTATION = `${GROUP}/secret`;

/** The user whose keys the Secret holds. */
export const USER_ANNOTATION = `${GROUP}/user`;

/** The name of the AuthorizedKeys, of the same namespace, whose keys the Secret holds. */
export const AUTHORIZED_KEYS_ANNOTATION = `${GROUP}/authorized-keys`;

/** Of a Namespace, with the value "true": people there write SSHKeys of their own user only, and do not trust each other. */
export const SELF_SERVICE_LABEL = `${GROUP}/self-service`;

/** Of a Namespace: names and patterns of the namespaces whose AuthorizedKeys may take its keys, comma-separated. */
export const SHARE_KEYS_ANNOTATION = `${GROUP}/share-keys-with`;

/** Of an SSHKey: the person for whom the portal made it. */
export const REQUESTED_BY_ANNOTATION = `${GROUP}/requested-by`;

/** Since when the file has been empty, RFC 3339: the retention counts from here. */
export const EMPTY_SINCE_ANNOTATION = `${GROUP}/empty-since`;

/** Of a pod: with the value "true" it is told of changes in the Secrets that it mounts. */
export const REFRESH_LABEL = `${GROUP}/refresh`;

/** Of such a pod: when it was last told, as metav1.MicroTime. Kubelet synchronises a pod that changes, volumes and all. */
export const KEYS_CHANGED_ANNOTATION = `${GROUP}/keys-changed-at`;

/** The one data key of a user's Secret, and of a SingleFile. */
export const DATA_KEY = "authorized_keys";

/** RFC 1123, as Kubernetes spells it: namespaces, volumes and many label values are such. */
export function isDNSLabel(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
