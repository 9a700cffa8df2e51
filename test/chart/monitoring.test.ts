import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { AUTHORIZED_KEYS_STATES } from "../../src/api/omissions.ts";
import { STATES } from "../../src/api/states.ts";
import { REFRESH_RESULTS } from "../../src/operator/metrics.ts";
import { LIMITS } from "../../src/portal/limits.ts";
import { SIGN_IN_RESULTS, WRITE_RESULTS } from "../../src/portal/metrics.ts";
import { ISSUER_FAULTS } from "../../src/portal/people/openid.ts";
import { REPORT_RESULTS } from "../../src/usage/metrics.ts";
import type { LogCounts } from "../../src/usage/podlogs.ts";
import { exposedMetrics, exposedPortalMetrics, exposedUsageMetrics } from "../availability/exposedmetrics.ts";
import type { Deployment } from "../deploy/installation.ts";
import { CHART, type Manifest, only, render } from "./helm.ts";

const page = readFileSync("docs/operations.md", "utf8");
const dashboard = JSON.parse(readFileSync(`${CHART}/files/dashboard.json`, "utf8"));
const file: { groups: { name: string; rules: Alert[] }[] } = parse(
  readFileSync(`${CHART}/files/alerts.yaml`, "utf8"),
);
const alerts = file.groups.flatMap(({ rules }) => rules);
const rulesOf = (...names: readonly string[]) =>
  file.groups.filter(({ name }) => names.includes(name)).flatMap(({ rules }) => rules);

const PORTAL = { enabled: true, namespace: "people", config: { tokens: { audience: "portal" } } };

const USAGE = { enabled: true, namespaces: ["bastion"] };

const NODES = { enabled: true, namespace: "gates" };

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

interface PrometheusRule {
  readonly spec: { readonly groups: readonly { readonly name: string; readonly rules: Alert[] }[] };
}

describe("an alert", () => {
  test.each(alerts)("$alert asks for metrics that there are, of this operator alone", (alert) => {
    expect(unknownMetrics(alert.expr)).toEqual([]);
    const namespace = rulesOf("sshkey-usage-nodes").includes(alert) ? "nodes" : "sshkey-operator";
    for (const [, selector = ""] of alert.expr.matchAll(/\w\{([^}]*)\}/g))
      expect(selector).toContain(`namespace="${namespace}"`);
  });

  test.each(alerts)("$alert asks for STATEs and results that there are", ({ expr }) => {
    const states = Object.keys({ ...STATES, ...AUTHORIZED_KEYS_STATES });
    const results = [...REFRESH_RESULTS, ...SIGN_IN_RESULTS, ...WRITE_RESULTS, ...REPORT_RESULTS];
    const logs: readonly (keyof LogCounts)[] = ["read", "unreadable", "waiting"];
    const known = new Set<string>([...states, ...results, ...logs]);
    expect(valuesOf(expr, "state|result").filter((value) => !known.has(value))).toEqual([]);
  });

  test("asks for each STATE of an AuthorizedKeys in which a person has to act", () => {
    const stalled = Object.entries(AUTHORIZED_KEYS_STATES).filter(([, { stalled }]) => stalled);
    const alert = alerts.find(({ alert }) => alert === "SSHKeyOperatorAuthorizedKeysStalled");
    expect(valuesOf(alert?.expr ?? "", "state").sort()).toEqual(stalled.map(([state]) => state).sort());
  });

  test.each([
    ["sshkey-operator", /sshkey_(?:portal|usage)_/],
    ["sshkey-portal", /sshkey_(?:operator|usage)_|leader_election_/],
    ["sshkey-usage", /sshkey_(?:operator|portal)_|leader_election_/],
    ["sshkey-usage-nodes", /sshkey_(?:operator|portal)_|leader_election_/],
  ])("of the group %s is of nobody else's metrics", (group, others) => {
    expect(rulesOf(group).length).toBeGreaterThan(3);
    expect(rulesOf(group).filter(({ expr }) => others.test(expr))).toEqual([]);
  });

  test.each(alerts)("$alert has a runbook in docs/operations.md", ({ alert }) => {
    expect(page).toContain(`\n### ${alert}\n`);
  });

  test.each(alerts)("$alert says how urgent it is, what is wrong and what that means", (alert) => {
    expect(alert.labels.severity).toMatch(/^(warning|critical)$/);
    expect(Object.keys(alert.annotations).sort()).toEqual(["description", "summary"]);
  });

  test.each([
    ["SSHKeyPortalIssuerFaults", "fault", ISSUER_FAULTS],
    ["SSHKeyPortalRateLimited", "limit", Object.keys(LIMITS)],
    ["SSHKeyPortalWritesFail", "result", ["refused", "failed"]],
    ["SSHKeyUsageLogsUnread", "state", ["unreadable", "waiting"]],
    ["SSHKeyUsageReportsFail", "result", ["refused", "failed"]],
    ["SSHKeyUsageNodesReportsFail", "result", ["refused", "failed"]],
  ])("%s has a runbook for each %s", (name, _, values) => {
    const [, section = ""] = page.split(`\n### ${name}\n`);
    const [runbook = ""] = section.split("\n##");
    expect(values.filter((value) => !runbook.includes(`\`${value}\``))).toEqual([]);
  });

  test("has no runbook that is nobody's", () => {
    const runbooks = [...page.matchAll(/^### (SSHKey(?:Operator|Portal|Usage)\w+)$/gm)].map(
      ([, name]) => name,
    );
    expect(runbooks).toEqual(alerts.map(({ alert }) => alert));
  });
});

describe("the PrometheusRule", () => {
  test.each<[string, object, readonly Alert[]]>([
    ["", {}, rulesOf("sshkey-operator")],
    [" and of the portal", { portal: PORTAL }, rulesOf("sshkey-operator", "sshkey-portal")],
    [
      " and of agents on nodes",
      { usage: { nodes: NODES } },
      rulesOf("sshkey-operator", "sshkey-usage-nodes"),
    ],
    [" with all that it can bring", { portal: PORTAL, usage: { ...USAGE, nodes: NODES } }, alerts],
  ])(
    "has the alerts of the file%s, of the release's namespace or the agents', each with the address of its runbook",
    async (_, values, expected) => {
      const rules = await rendered({}, values);
      expect(rules).toEqual(
        expected.map((alert) => ({
          ...alert,
          expr: alert.expr
            .replaceAll('namespace="sshkey-operator"', 'namespace="keys"')
            .replaceAll('namespace="nodes"', 'namespace="gates"'),
          annotations: {
            ...alert.annotations,
            runbook_url: expect.stringMatching(new RegExp(`/operations\\.md#${alert.alert.toLowerCase()}$`)),
          },
        })),
      );
    },
  );

  test("takes another selector, other labels, another place of the runbooks, and leaves alerts out", async () => {
    const [first] = await rendered({
      selector: 'job="keys"',
      disabledAlerts: ["SSHKeyOperatorDown"],
      alertLabels: { severity: "page" },
      runbookURL: "https://wiki.example/keys",
    });
    expect(first).toMatchObject({
      alert: "SSHKeyOperatorNoLeader",
      expr: 'max(leader_election_master_status{name="sshkey-operator", job="keys"}) < 1',
      labels: { severity: "page" },
      annotations: { runbook_url: "https://wiki.example/keys#sshkeyoperatornoleader" },
    });
  });

  test("takes another selector for the agents on nodes alone", async () => {
    const rules = await rendered({ nodesSelector: 'job="agents"' }, { usage: { nodes: NODES } });
    expect(rules.filter(({ expr }) => expr.includes('job="agents"'))).toHaveLength(
      rulesOf("sshkey-usage-nodes").length,
    );
  });

  test("leaves out an alert of the portal's, whether or not there is one", async () => {
    const rule = { disabledAlerts: ["SSHKeyPortalDown"] };
    const names = (await rendered(rule, { portal: PORTAL })).map(({ alert }) => alert);
    expect(names).not.toContain("SSHKeyPortalDown");
    expect(await rendered(rule)).toHaveLength(rulesOf("sshkey-operator").length);
  });

  async function rendered(rule: object, values: object = {}): Promise<Alert[]> {
    const prometheusRule = { enabled: true, ...rule };
    const manifests = await render({ namespace: "keys", values: { prometheusRule, ...values } });
    const { spec } = only<PrometheusRule>(manifests, "PrometheusRule");
    return spec.groups.flatMap(({ rules }) => rules);
  }
});

describe("what scrapes the release", () => {
  type Labels = Readonly<Record<string, string>>;
  interface Monitor extends Manifest {
    readonly spec: {
      readonly namespaceSelector?: { readonly matchNames: readonly string[] };
      readonly selector: { readonly matchLabels: Labels };
      readonly endpoints?: readonly { readonly port: string }[];
      readonly podMetricsEndpoints?: readonly { readonly port: string }[];
    };
  }
  interface Service extends Manifest {
    readonly spec: {
      readonly selector: Labels;
      readonly ports: readonly { name: string; targetPort: string }[];
    };
  }
  const matches = (selector: Labels, labels: object = {}) =>
    Object.entries(selector).every(([name, value]) => Reflect.get(labels, name) === value);

  const namespacesOf = ({ spec, metadata }: Monitor) =>
    spec.namespaceSelector?.matchNames ?? [metadata.namespace ?? ""];

  /** What has pods there with these labels, and with `metrics` as the name of a port. */
  function scraped(
    manifests: readonly Manifest[],
    selector: Labels,
    namespaces: readonly string[],
  ): string[] {
    const workloads = manifests.filter(({ kind }) => WORKLOADS.includes(kind)) as (Manifest & Deployment)[];
    return workloads
      .filter(({ metadata }) => namespaces.includes(metadata.namespace ?? ""))
      .filter(({ spec }) => matches(selector, spec.template.metadata.labels))
      .filter(({ spec }) => spec.template.spec.containers[0]?.ports.some(({ name }) => name === "metrics"))
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  }

  const WORKLOADS = ["Deployment", "DaemonSet"];
  const ALL = [
    "DaemonSet sshkey-usage",
    "Deployment sshkey-operator",
    "Deployment sshkey-operator-portal",
    "Deployment sshkey-usage",
  ];
  const EVERYTHING = { portal: PORTAL, usage: { ...USAGE, nodes: NODES } };

  test("PodMonitors, the operator's pods, the portal's, the reader's of logs and the agents' on nodes, each once", async () => {
    const manifests = await render({ values: { ...EVERYTHING, podMonitor: { enabled: true } } });
    const monitors = manifests.filter(({ kind }) => kind === "PodMonitor") as Monitor[];
    expect(monitors.flatMap(({ spec }) => spec.podMetricsEndpoints?.map(({ port }) => port))).toEqual(
      monitors.map(() => "metrics"),
    );
    const pods = monitors.flatMap((monitor) =>
      scraped(manifests, monitor.spec.selector.matchLabels, namespacesOf(monitor)),
    );
    expect(pods.sort()).toEqual(ALL);
  });

  test.each(["podMonitor", "serviceMonitor"])(
    "a %s, the agents on nodes where no pods' logs are read",
    async (kind) => {
      const manifests = await render({ values: { usage: { nodes: NODES }, [kind]: { enabled: true } } });
      const monitors = manifests.filter(({ kind }) => kind.endsWith("Monitor")) as Monitor[];
      expect(monitors.flatMap(namespacesOf)).toContain(NODES.namespace);
    },
  );

  test("a ServiceMonitor, the same by Services", async () => {
    const manifests = await render({ values: { ...EVERYTHING, serviceMonitor: { enabled: true } } });
    const monitor = only<Monitor>(manifests, "ServiceMonitor");
    const { spec } = monitor;
    const services = (manifests.filter(({ kind }) => kind === "Service") as Service[])
      .filter(({ metadata }) => namespacesOf(monitor).includes(metadata.namespace ?? ""))
      .filter(({ metadata }) => matches(spec.selector.matchLabels, metadata.labels))
      .filter(({ spec: { ports } }) => ports.some(({ name }) => name === spec.endpoints?.[0]?.port));
    const pods = services.flatMap(({ spec: { selector }, metadata }) =>
      scraped(manifests, selector, [metadata.namespace ?? ""]),
    );
    expect(pods.sort()).toEqual(ALL);
    expect(services.flatMap(({ spec: { ports } }) => ports.map(({ targetPort }) => targetPort))).toEqual(
      ALL.map(() => "metrics"),
    );
  });
});

describe("the dashboard", () => {
  const panels: { title: string; description: string; targets?: { expr: string }[] }[] =
    dashboard.panels.filter(({ type }: { type: string }) => type !== "row");

  test.each(panels)(
    "$title asks for metrics that there are, of one installation alone",
    ({ targets = [] }) => {
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr } of targets) {
        expect(unknownMetrics(expr)).toEqual([]);
        expect(expr).toContain(
          expr.includes("sshkey_usage_") ? 'namespace=~"$readers"' : 'namespace="$namespace"',
        );
      }
    },
  );

  test("has each panel once, and none over another", () => {
    const all: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[] = dashboard.panels;
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const cells = all.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  test.each([
    ["installations", "namespace", exposedMetrics()],
    ["readers of logs", "readers", exposedUsageMetrics()],
  ])("finds the %s by a metric that there is", (_, variable, metrics) => {
    const variables: { name: string; query: { query: string } }[] = dashboard.templating.list;
    const { query = "" } = variables.find(({ name }) => name === variable)?.query ?? {};
    const [, metric = ""] = /^label_values\((\w+), namespace\)$/.exec(query) ?? [];
    expect(metrics).toContain(metric);
  });

  test("is in the ConfigMap as it is in the file", async () => {
    const manifests = await render({ values: { grafanaDashboard: { enabled: true } } });
    const { data, metadata } = only(manifests, "ConfigMap", "sshkey-operator-dashboard");
    expect(JSON.parse(data?.["sshkey-operator.json"] ?? "")).toEqual(dashboard);
    expect(metadata.labels).toMatchObject({ grafana_dashboard: "1" });
  });
});

/** Names before a selector that no scrape gives; of a histogram a query asks for the buckets. */
function unknownMetrics(expr: string): string[] {
  const known = new Set([...exposedMetrics(), ...exposedPortalMetrics(), ...exposedUsageMetrics()]);
  const named = [...expr.matchAll(/([a-zA-Z_:][\w:]*)\{/g)].map(([, name = ""]) => name);
  expect(named.length).toBeGreaterThan(0);
  return named.filter((name) => !known.has(name.replace(/_(bucket|sum|count)$/, "")));
}

/** The values that an expression asks for of labels of these names. */
function valuesOf(expr: string, names: string): string[] {
  const matchers = expr.matchAll(new RegExp(`\\b(?:${names})=~?"([^"]*)"`, "g"));
  return [...matchers].flatMap(([, values = ""]) => values.split("|"));
}
