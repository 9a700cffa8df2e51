import { sendApart } from "./floor.ts";
import { keySet } from "./keyset.ts";
import { processCPU } from "./processcpu.ts";
import { requiredFor, type StatusVerb, writesOf } from "./requiredwrites.ts";
import { load } from "./seed.ts";
import { BEST } from "./send.ts";
import { onFreshSite } from "./site.ts";

/**
 * Finds the best way to send what has to be sent: `node bench/sweep.ts [KEYS]`. Prints for each way the time, and the
 * CPU time of API server and etcd together, which other work on the machine disturbs less.
 */
const keys = Number(process.argv[2] ?? 2000);

interface Way {
  readonly verb: StatusVerb;
  readonly connections: number;
  readonly protocol: "http/1.1" | "h2";
  readonly pipelining: number;
}

const WAYS: readonly Way[] = [
  ...(["apply", "jsonpatch", "merge", "update"] as const).map((verb) => ({ ...BEST, verb })),
  ...[4, 8, 16, 32, 64].map((connections) => ({ ...BEST, verb: "apply" as const, connections })),
  { verb: "apply", connections: 8, protocol: "http/1.1", pipelining: 4 },
  ...[16, 32, 64].map((pipelining) => ({
    verb: "apply" as const,
    connections: 1,
    protocol: "h2" as const,
    pipelining,
  })),
  { verb: "apply", connections: 4, protocol: "h2", pipelining: 8 },
];

console.log("status     protocol  connections  pipelining        s  server's CPU, ms a write");
for (const { verb, ...how } of WAYS) {
  const set = keySet(keys);
  await onFreshSite(set.namespaces, async (site) => {
    const { created } = await load(site, set.keys);
    const { kubeconfig, dir, apiserver, etcd } = site.controlPlane;
    const writes = writesOf(requiredFor(created), verb, created);
    const cpu = () => processCPU(apiserver.pid) + processCPU(etcd.pid);
    const before = cpu();
    const ms = await sendApart(kubeconfig, dir, writes, JSON.stringify(how));
    const used = (cpu() - before) / writes.length;
    const cells = [verb.padEnd(9), how.protocol.padEnd(8), how.connections, how.pipelining];
    console.log(
      `${cells[0]}  ${cells[1]}  ${String(cells[2]).padStart(11)}  ${String(cells[3]).padStart(10)}  ${(ms / 1000).toFixed(2).padStart(7)}  ${used.toFixed(3).padStart(24)}`,
    );
  });
}
