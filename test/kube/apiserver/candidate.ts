import { Credentials } from "../../../src/kube/credentials.ts";
import { LeaderElector } from "../../../src/kube/leaderelection.ts";
import { Transport } from "../../../src/kube/transport.ts";

// A process that stands for election and prints every change of what isLeader says. Arguments: kubeconfig, namespace.
const [kubeconfig = "", namespace = ""] = process.argv.slice(2);
const transport = new Transport({ credentials: new Credentials({ kubeconfig }), userAgent: "test" });
const elector = new LeaderElector({
  transport,
  namespace,
  name: "leader",
  identity: "process",
  leaseDurationMs: 2000,
  renewDeadlineMs: 1000,
  retryPeriodMs: 100,
});
let last: boolean | undefined;
setInterval(() => {
  const leads = elector.isLeader();
  if (leads !== last) {
    last = leads;
    process.stdout.write(`${leads}\n`);
  }
}, 1);
await elector.run(
  new AbortController().signal,
  (term) => new Promise((resolve) => term.addEventListener("abort", () => resolve())),
);
