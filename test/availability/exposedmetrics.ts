import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { WorkQueue } from "../../src/kube/workqueue.ts";
import { Metrics } from "../../src/operator/metrics.ts";
import { PortalMetrics } from "../../src/portal/metrics.ts";
import { Projection } from "../../src/projection/projection.ts";
import { UsageMetrics } from "../../src/usage/metrics.ts";

/** Names of all metrics that a scrape gives, Node's own among them; of a histogram without `_bucket` and the like. */
export function exposedMetrics(): string[] {
  const metrics = new Metrics();
  const { policy, secrets, concurrency } = DEFAULT_SETTINGS;
  const queue = () => new WorkQueue<string>({ namespaceOf: (id) => id });
  const queues = { secrets: queue(), statuses: queue(), blocked: queue(), blockedCount: 0 };
  metrics.registerGauges(new Projection(policy, secrets), queues, concurrency);
  return metrics.registry.getMetricsAsArray().map(({ name }) => name);
}

/** The same of the portal. */
export function exposedPortalMetrics(): string[] {
  const metrics = new PortalMetrics();
  metrics.registerGauges({ keys: () => 0, isReady: () => false, unwatchedNamespaces: () => 0 });
  return metrics.registry.getMetricsAsArray().map(({ name }) => name);
}

/** The same of the reader of logs. */
export function exposedUsageMetrics(): string[] {
  const metrics = new UsageMetrics();
  const logs = () => ({ read: 0, unreadable: 0, waiting: 0 });
  const none = () => 0;
  const isReady = () => false;
  metrics.registerGauges({ keys: none, isReady, unwatchedNamespaces: none, logs, waitingReports: none });
  return metrics.registry.getMetricsAsArray().map(({ name }) => name);
}
