import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { CHART, type Release } from "./helm.ts";

/** The values that the chart's README names for an installation without rights on the cluster. */
export function valuesWithoutClusterRights(): object {
  const readme = readFileSync(`${CHART}/README.md`, "utf8");
  const [, text] = /## Without rights on the cluster\n[\s\S]*?```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  if (text === undefined) throw new Error("the README does not say how to do without rights on the cluster");
  return parse(text);
}

/** A second installation beside the default one. */
export const SECOND = {
  name: "second",
  namespace: "second",
  values: {
    crds: { enabled: false },
    config: { installation: "second", secrets: { namePrefix: "second-" } },
  },
} satisfies Release;

/** Every value in a form that is not its default, as far as they go together. */
const everything = {
  fullnameOverride: "keys",
  commonLabels: { team: "platform", "example.com/cost-center": "42" },
  replicas: 3,
  image: { repository: "registry.example:5000/tools/sshkey-operator", digest: `sha256:${"0".repeat(64)}` },
  imagePullSecrets: [{ name: "regcred" }],
  config: {
    duplicateScope: "User",
    policy: {
      allowedTypes: ["ssh-ed25519", "sk-ssh-ed25519@openssh.com"],
      maximumLifetime: "365d",
      proofs: "Required",
      proofNamespace: "keys@example.com",
      requireUserVerification: true,
      requiredOptions: { "sk-ssh-ed25519@openssh.com": ["verify-required"] },
    },
    refresh: { pods: true },
    concurrency: 4,
  },
  revokedKeys: { configMap: "revoked", key: "list" },
  blocklists: { volume: { configMap: { name: "blocklists" } } },
  logging: { level: "debug", format: "pretty" },
  leaderElection: { leaseDuration: "30s", renewDeadline: "20s", retryPeriod: "4s" },
  extraArgs: ["--metrics-bind-address=:8080"],
  serviceAccount: { name: "keeper", annotations: { "example.com/owner": "platform" } },
  policies: { breakGlassGroups: ['it\'s "odd": {{', "admins"], usernamePrefix: "oidc:\"\\'" },
  podAnnotations: { "example.com/a": "1" },
  podLabels: { tier: "system" },
  tolerations: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists" }],
  affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
  topologySpreadConstraints: [],
  priorityClassName: "system-cluster-critical",
  podDisruptionBudget: { maxUnavailable: "50%" },
  networkPolicy: {
    enabled: true,
    metricsFrom: [{ namespaceSelector: { matchLabels: { name: "monitoring" } } }],
    apiServer: { cidrs: ["10.0.0.1/32"], ports: [6443] },
  },
  metricsService: { enabled: true, annotations: { "example.com/b": "2" } },
  podMonitor: { enabled: true, labels: { prometheus: "main" }, interval: "30s" },
  serviceMonitor: { enabled: true, labels: { prometheus: "main" }, interval: "1m30s" },
  prometheusRule: {
    enabled: true,
    labels: { prometheus: "main" },
    disabledAlerts: ["SSHKeyOperatorKeysDropped"],
    alertLabels: { team: "platform" },
    selector: 'job="keys"',
    runbookURL: "https://wiki.example/runbooks",
  },
  grafanaDashboard: { enabled: true, annotations: { grafana_folder: "Platform" } },
};

/** The portal with every value in a form that is not its default. */
const portal = {
  config: { refresh: { pods: true } },
  extraArgs: ["--metrics-bind-address=:8080"],
  commonLabels: { team: "platform" },
  logging: { level: "debug", format: "pretty" },
  podMonitor: { enabled: true, labels: { prometheus: "main" }, interval: "30s" },
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true, disabledAlerts: ["SSHKeyPortalRateLimited"] },
  networkPolicy: {
    metricsFrom: [{ namespaceSelector: { matchLabels: { name: "monitoring" } } }],
    apiServer: { cidrs: ["10.0.0.1/32"], ports: [6443] },
  },
  portal: {
    enabled: true,
    namespace: "team-a",
    config: {
      publicURL: "https://keys.example.com/ssh/",
      oidc: {
        issuer: "https://sso.example.com/realms/staff",
        clientID: "sshkeys",
        clientSecretFile: "/etc/sshkey-operator-portal-oidc/client-secret",
        caFile: "/etc/sshkey-operator-portal-oidc/ca.pem",
        scopes: ["openid", "groups"],
        userClaim: "email",
        groupsClaim: "roles",
      },
      tokens: { audience: "sshkey-portal" },
      proxy: {
        addresses: ["10.0.0.0/8", "fd00::1"],
        userHeader: "Remote-User",
        groupsHeader: "Remote-Groups",
      },
      trustedProxies: ["10.0.0.0/8"],
      groups: ["staff"],
      usernamePrefix: "oidc:",
      groupsPrefix: "oidc:",
      namespaceClaim: "team",
      namespaces: ["team-a", "team-b"],
      session: { keysFolder: "/etc/sshkey-operator-portal-session", lifetime: "8h" },
      usedBy: false,
      usedByNamespaces: ["bastion"],
      foreman: { generation: "5.1" },
    },
    replicas: 3,
    sessionSecret: "session",
    oidcSecret: "oidc",
    extraArgs: ["--listen=:8080"],
    podAnnotations: { "example.com/a": "1" },
    podLabels: { tier: "public" },
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    topologySpreadConstraints: [],
    podDisruptionBudget: { maxUnavailable: "50%" },
    service: { type: "LoadBalancer", port: 8080, annotations: { "example.com/b": "2" } },
    ingress: {
      enabled: true,
      className: "nginx",
      annotations: { "cert-manager.io/cluster-issuer": "main" },
      tlsSecret: "keys-tls",
    },
    networkPolicy: {
      from: [{ namespaceSelector: { matchLabels: { name: "ingress" } } }],
      issuer: { cidrs: ["192.0.2.0/24"], ports: [8443] },
    },
  },
};

/** The reader of logs with every value in a form that is not its default. */
const usage = {
  commonLabels: { team: "platform" },
  logging: { level: "debug", format: "pretty" },
  usage: {
    enabled: true,
    namespaces: ["bastion", "git"],
    from: ["people", "bastion"],
    selector: "app in (bastion, git)",
    container: "sshd",
    podAnnotations: { "example.com/a": "1" },
    podLabels: { tier: "system" },
    resources: null,
    nodes: {
      enabled: true,
      namespace: "nodes",
      folder: "/var/log/ssh",
      file: "secure",
      group: 0,
      tolerations: [],
      podAnnotations: { "example.com/a": "1" },
      podLabels: { tier: "system" },
      resources: null,
    },
  },
  podMonitor: { enabled: true, labels: { prometheus: "main" }, interval: "30s" },
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true, disabledAlerts: ["SSHKeyUsageDown"], nodesSelector: 'job="agents"' },
  networkPolicy: {
    enabled: true,
    metricsFrom: [{ namespaceSelector: { matchLabels: { name: "monitoring" } } }],
    apiServer: { cidrs: ["10.0.0.1/32"], ports: [6443] },
  },
};

const nothing = {
  replicas: 1,
  crds: { enabled: false },
  serviceAccount: { create: false, name: "made-by-hand" },
  rbac: { create: false },
  userRoles: { create: false },
  policies: { enabled: false },
  flowSchema: { enabled: false },
  leaderElection: { enabled: false },
  podDisruptionBudget: { enabled: false },
  resources: null,
  podSecurityContext: null,
  securityContext: null,
  nodeSelector: null,
};

/** Renderings that every test of renderings looks at. */
export const MATRIX: Readonly<Record<string, Release>> = {
  "the defaults": {},
  "a second installation": SECOND,
  "another release name": { name: "keys", namespace: "platform" },
  "chosen namespaces": { values: { namespaces: ["team-a", "team-b"] } },
  "no rights on the cluster": { values: valuesWithoutClusterRights() },
  "everything on": { name: "keys", namespace: "platform", values: everything },
  "the portal": {
    values: {
      portal: { enabled: true, namespace: "team-a", config: { publicURL: "https://keys.example.com/" } },
    },
  },
  "everything of the portal on": { name: "keys", namespace: "platform", values: portal },
  "the reader of logs": { values: { usage: { enabled: true, namespaces: ["bastion"] } } },
  "everything of the reader of logs on": { name: "keys", namespace: "platform", values: usage },
  "the agents on nodes": { values: { usage: { nodes: { enabled: true, namespace: "nodes" } } } },
  "everything off": { values: nothing },
  "an open NetworkPolicy": { values: { networkPolicy: { enabled: true } } },
  "CRDs that go with the release": { values: { crds: { keep: false } } },
};
