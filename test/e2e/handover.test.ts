import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { kubectl } from "./kubernetes.ts";
import { leader, OPERATOR_NAMESPACE, operatorPods, waitForOperator } from "./operator.ts";
import { SSHDPod } from "./sshdpod.ts";

const NAMESPACE = "e2e-handover";

let pod: SSHDPod;
let key: KeyPair;

beforeAll(async () => {
  pod = await SSHDPod.start(NAMESPACE);
  key = await pod.admit("key");
});

afterAll(() => pod.stop());

test("when the leader's pod is killed the standby takes over, and every login meanwhile succeeds", async () => {
  const killed = await leader();
  expect(await operatorPods()).toContain(killed);
  const logins = new Logins(() => pod.login(key).then(({ accepted }) => accepted));
  await kubectl(["delete", "pod", killed, "--namespace", OPERATOR_NAMESPACE, "--grace-period=0", "--force"]);
  const killedAt = performance.now();
  await eventually("another pod leads", async () => ![killed, ""].includes(await leader()));
  await pod.declare("next", await pod.keyPair("next"));
  const seconds = ((performance.now() - killedAt) / 1000).toFixed(1);
  await waitForOperator();
  const { accepted, refused } = await logins.stop();
  process.stderr.write(
    `from the kill to the next projected key ${seconds} s; ${accepted} logins meanwhile, ${refused} refused\n`,
  );
  expect(accepted).toBeGreaterThan(0);
  expect(refused).toBe(0);
});

/** One login after the other, until stopped. */
class Logins {
  readonly #done: Promise<void>;
  #isStopped = false;
  #accepted = 0;
  #refused = 0;

  constructor(attempt: () => Promise<boolean>) {
    this.#done = this.#loop(attempt);
  }

  /** Throws what an attempt threw that was neither a login nor a refusal. */
  async stop(): Promise<{ readonly accepted: number; readonly refused: number }> {
    this.#isStopped = true;
    await this.#done;
    return { accepted: this.#accepted, refused: this.#refused };
  }

  async #loop(attempt: () => Promise<boolean>): Promise<void> {
    while (!this.#isStopped) {
      if (await attempt()) this.#accepted++;
      else this.#refused++;
    }
  }
}
