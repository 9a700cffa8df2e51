import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Exit } from "../../controlplane/child.ts";
import { type OperatorProcess, spawnOperator } from "../cluster/operatorprocess.ts";
import { kubeconfigText } from "../kube/localserver.ts";

const FLAGS = ["--metrics-bind-address", "--health-probe-bind-address"] as const;

/** Nothing here needs an API server: the one that is named never answers. */
let folder: string;
let kubeconfig: string;
let occupant: Server;
let taken: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sshkey-operator-test-"));
  kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, kubeconfigText("http://127.0.0.1:9"));
  occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(0, "127.0.0.1", resolve));
  taken = `127.0.0.1:${(occupant.address() as AddressInfo).port}`;
});

afterAll(async () => {
  occupant.close();
  await rm(folder, { recursive: true });
});

describe.each(FLAGS)("%s", (flag) => {
  test("0 turns it off", async () => {
    const operator = await spawnOperator({ kubeconfig, args: [`${flag}=0`] });
    const { addresses } = await operator.logged("Started");
    const [address] = addresses as string[];
    const probes = (await fetch(`http://${address}/healthz`)).status;
    const metrics = (await fetch(`http://${address}/metrics`)).status;
    await operator.stop();
    const isMetrics = flag === "--metrics-bind-address";
    expect([addresses, probes, metrics]).toEqual([[address], isMetrics ? 200 : 404, isMetrics ? 404 : 200]);
  });

  test("that is taken ends the start with 3 and one line that says what to do", async () => {
    const { code, output } = await refused([`${flag}=${taken}`]);
    expect([code, output]).toEqual([
      3,
      `sshkey-operator: cannot listen on ${taken} (EADDRINUSE); choose another address with ${flag}, or 0 to turn it off\n`,
    ]);
  });

  test.each(["8080", "localhost", ":70000", "http://127.0.0.1:8080/", ""])(
    "that is %j ends the start with 2 and one line that says what it takes",
    async (address) => {
      const { code, output } = await refused([`${flag}=${address}`]);
      expect([code, output]).toEqual([
        2,
        `sshkey-operator: ${flag} must be HOST:PORT, :PORT, or 0 to turn it off; it is ${JSON.stringify(address)}\n`,
      ]);
    },
  );
});

test("both can be off", async () => {
  const operator = await spawnOperator({ kubeconfig, args: FLAGS.map((flag) => `${flag}=0`) });
  const { addresses } = await operator.logged("Started");
  await operator.stop();
  expect(addresses).toEqual([]);
});

test("lease times that leave a leader no room end the start with 2 and one line", async () => {
  const { code, output } = await refused(["--leader-elect=true", "--leader-elect-lease-duration=5s"]);
  expect([code, output]).toEqual([
    2,
    "sshkey-operator: leader election: leaseDuration > renewDeadline > 1.2 × retryPeriod must hold; change --leader-elect-lease-duration, --leader-elect-renew-deadline or --leader-elect-retry-period\n",
  ]);
});

/** How a start with these arguments ended, and all that it printed. */
async function refused(args: readonly string[]): Promise<Exit & { output: string }> {
  const operator: OperatorProcess = await spawnOperator({ kubeconfig, args });
  const exit = await operator.child.exited;
  const output = operator.child.output();
  await operator.stop();
  return { ...exit, output };
}
