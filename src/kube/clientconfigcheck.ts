import { type Fields, fieldsOf, KubeConfigError, TOKEN_FILE_PROVIDER } from "./kubeconfig.ts";

/**
 * Throws a KubeConfigError for what kubectl refuses because it says two things at once, or half of one (client-go:
 * clientcmd/validation.go). Nothing is sent then, so that nobody acts as somebody they did not mean.
 */
export function checkClientConfig(name: string, cluster: Fields, user: Fields): void {
  const fault = FAULTS.find(({ isSo }) => isSo(cluster, user));
  if (fault === undefined) return;
  throw new KubeConfigError("KubeConfigInvalid", `kubeconfig ${name}, with your flags: ${fault.what}`);
}

interface Fault {
  readonly isSo: (cluster: Fields, user: Fields) => unknown;
  readonly what: string;
}

const FAULTS: readonly Fault[] = [
  {
    isSo: (cluster) => cluster["certificate-authority"] && cluster["certificate-authority-data"],
    what: "the cluster has certificate-authority and certificate-authority-data; keep one of them",
  },
  {
    isSo: (cluster) =>
      cluster["insecure-skip-tls-verify"] &&
      (cluster["certificate-authority"] || cluster["certificate-authority-data"]),
    what: "the cluster has a certificate authority and insecure-skip-tls-verify; keep the authority",
  },
  {
    isSo: (_, user) => user.token && (user.username || user.password),
    what: "the user has a token and a password; keep one of them",
  },
  {
    isSo: (_, user) => user["client-certificate"] && user["client-certificate-data"],
    what: "the user has client-certificate and client-certificate-data; keep one of them",
  },
  {
    isSo: (_, user) => hasCertificate(user) && user["client-key"] && user["client-key-data"],
    what: "the user has client-key and client-key-data; keep one of them",
  },
  {
    isSo: (_, user) => hasCertificate(user) && !user["client-key"] && !user["client-key-data"],
    what: "the user has a client certificate without its key; add client-key",
  },
  {
    isSo: (_, user) =>
      !user.as && (user["as-uid"] || hasMembers(user["as-groups"]) || hasMembers(user["as-user-extra"])),
    what: "groups, a UID or extra fields to act with need somebody to act as; add --as USER",
  },
  {
    isSo: (_, user) => user.exec !== undefined && user["auth-provider"] !== undefined && !isTokenFile(user),
    what: "the user has a sign-in helper (exec) and an auth-provider; keep the helper",
  },
  {
    isSo: (_, user) =>
      user.exec !== undefined && !(fieldsOf(user.exec).command && fieldsOf(user.exec).apiVersion),
    what: "the user's sign-in helper (exec) has no command or no apiVersion; add it",
  },
];

function hasMembers(value: unknown): boolean {
  return Object.keys(Object(value)).length > 0;
}

function hasCertificate(user: Fields): boolean {
  return Boolean(user["client-certificate"] || user["client-certificate-data"]);
}

function isTokenFile(user: Fields): boolean {
  return fieldsOf(user["auth-provider"]).name === TOKEN_FILE_PROVIDER;
}
