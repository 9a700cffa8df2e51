import { Counter, Gauge } from "prom-client";
import { ProcessMetrics } from "../kube/processmetrics.ts";
import type { RestartReason } from "../kube/restart.ts";
import type { LogCounts } from "./podlogs.ts";

/**
 * What became of a use that a log speaks of. `written`: the status has the day. `gone`: the SSHKey is no more, or has another
 * key by now. `foreign`: the log may say nothing of that key. `refused`: by rights, a policy or a rule. `failed`: tried often
 * enough.
 */
export const REPORT_RESULTS = ["written", "gone", "foreign", "refused", "failed"] as const;

export type ReportResult = (typeof REPORT_RESULTS)[number];

/** What there is at the moment. */
export interface UsageGauges {
  readonly keys: () => number;
  readonly isReady: () => boolean;
  readonly unwatchedNamespaces: () => number;
  readonly logs: () => LogCounts;
  readonly waitingReports: () => number;
}

/** The Prometheus metrics of the reader of logs. No label ever holds a user, a name, a namespace or a fingerprint. */
export class UsageMetrics extends ProcessMetrics {
  readonly #lines = new Counter({
    name: "sshkey_usage_lines_total",
    help: "Lines of logs that were read.",
    registers: [this.registry],
  });
  readonly #logins = new Counter({
    name: "sshkey_usage_logins_total",
    help: "Logins by key that were read, by whether an SSHKey has the key.",
    labelNames: ["key"],
    registers: [this.registry],
  });
  readonly #reports = new Counter({
    name: "sshkey_usage_reports_total",
    help: "Uses of a key on a day that was not known yet, by what became of the report.",
    labelNames: ["result"],
    registers: [this.registry],
  });
  readonly #watchRestarts = new Counter({
    name: "sshkey_usage_watch_restarts_total",
    help: "Failed lists and watches that were restarted, by resource and reason.",
    labelNames: ["resource", "reason"],
    registers: [this.registry],
  });

  constructor() {
    super();
    // An alert on an increase sees the first one, too.
    for (const result of REPORT_RESULTS) this.#reports.inc({ result }, 0);
    for (const key of ["known", "unknown"]) this.#logins.inc({ key }, 0);
  }

  /** What there is at the moment, which must cost nothing. */
  registerGauges(o: UsageGauges): void {
    this.scraped("sshkey_usage_sshkeys", "SSHKeys known.", o.keys);
    this.scraped("sshkey_usage_ready", "1 while this process is ready.", () => Number(o.isReady()));
    this.scraped(
      "sshkey_usage_unwatched_namespaces",
      "Namespaces whose SSHKeys or pods cannot be listed or watched.",
      o.unwatchedNamespaces,
    );
    this.scraped("sshkey_usage_waiting_reports", "Reports that are not written yet.", o.waitingReports);
    const logs: Gauge = new Gauge({
      name: "sshkey_usage_logs",
      help: "Logs by state: read, unreadable at the moment, or waiting because there are too many.",
      labelNames: ["state"],
      registers: [this.registry],
      collect: () => {
        for (const [state, count] of Object.entries(o.logs())) logs.set({ state }, count);
      },
    });
  }

  /** What the counters say by now, for people: lines, logins by whether an SSHKey has the key, reports by result. */
  async totals(): Promise<Readonly<Record<string, unknown>>> {
    const [lines, logins, reports] = await Promise.all([
      this.#lines.get(),
      this.#logins.get(),
      this.#reports.get(),
    ]);
    return {
      lines: lines.values.reduce((sum, { value }) => sum + value, 0),
      logins: Object.fromEntries(logins.values.map(({ labels, value }) => [labels.key, value])),
      reports: Object.fromEntries(reports.values.map(({ labels, value }) => [labels.result, value])),
    };
  }

  lineRead(): void {
    this.#lines.inc();
  }

  loginRead(isKnown: boolean): void {
    this.#logins.inc({ key: isKnown ? "known" : "unknown" });
  }

  reported(result: ReportResult): void {
    this.#reports.inc({ result });
  }

  watchRestarted(resource: "sshkeys" | "pods", reason: RestartReason): void {
    this.#watchRestarts.inc({ resource, reason });
  }
}
