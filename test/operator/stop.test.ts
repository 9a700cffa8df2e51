import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { type OperatorProcess, spawnOperator, startOperator } from "../cluster/operatorprocess.ts";
import type { FlakyLine } from "./flakyline.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS } from "./tenant.ts";

let stage: Stage;
let line: FlakyLine;

beforeAll(async () => {
  stage = await Stage.open();
  line = await stage.flakyLine();
});

afterAll(async () => {
  await stage.close();
});

afterEach(() => {
  line.cut("whole");
});

describe("SIGTERM ends the operator with 0, and it waits for no request", () => {
  test("at rest", async () => {
    const operator = await startOperator({ kubeconfig: line.kubeconfig });
    expect(await end(operator)).toEqual([0, true]);
  });

  test("under load, and the next one finishes the work", async () => {
    const tenant = await stage.tenant();
    const operator = await startOperator({ kubeconfig: line.kubeconfig });
    const names = Array.from({ length: 200 }, (_, index) => `key-${index}`);
    const making = Promise.all(names.map((name) => tenant.create(name, { user: name, key: freshKey() })));
    await operator.logged("StateChanged");
    expect(await end(operator)).toEqual([0, true]);
    await making;
    const next = await startOperator({ kubeconfig: line.kubeconfig });
    const done = async () => (await tenant.secrets()).length === names.length;
    await eventually("every key is projected", done, DEADLINE_MS);
    await next.kill();
  });

  test.each(["silent", "down"] as const)(
    "while the API server is out of reach (line %s)",
    async (condition) => {
      const tenant = await stage.tenant();
      const operator = await startOperator({ kubeconfig: line.kubeconfig });
      await tenant.create("work", { user: "alice", key: freshKey() });
      await tenant.until("work", "Projected");
      line.cut(condition);
      await operator.logged("WatchRestarted");
      expect(await end(operator)).toEqual([0, true]);
    },
  );

  test("while a write has no answer", async () => {
    const tenant = await stage.tenant();
    const operator = await startOperator({ kubeconfig: line.kubeconfig });
    await tenant.create("work", { user: "alice", key: freshKey() });
    await tenant.until("work", "Projected");
    line.turn("answerless");
    await tenant.removeSecret("sshkeys-alice");
    expect(await end(operator)).toEqual([0, true]);
  });

  test.each(["silent", "down"] as const)(
    "before it has ever reached the API server (line %s)",
    async (condition) => {
      line.cut(condition);
      const operator = await spawnOperator({ kubeconfig: line.kubeconfig });
      await operator.logged("Started");
      expect(await end(operator)).toEqual([0, true]);
    },
  );

  test("SIGINT does the same", async () => {
    const operator = await startOperator({ kubeconfig: line.kubeconfig });
    operator.child.kill("SIGINT");
    expect((await operator.child.exited).code).toBe(0);
    await operator.kill();
  });
});

test("a lost API server does not stop a running operator", async () => {
  const tenant = await stage.tenant();
  const operator = await startOperator({ kubeconfig: line.kubeconfig });
  line.cut("down");
  await operator.logged("WatchRestarted", ({ delayMs }) => Number(delayMs) > 800);
  line.cut("whole");
  await tenant.create("work", { user: "alice", key: freshKey() });
  await tenant.until("work", "Projected");
  await operator.kill();
});

/** What a request may take, in ms. */
const REQUEST_MS = 30_000;

/** The exit code, and whether it came before a request that hangs would have ended. */
async function end(operator: OperatorProcess): Promise<[number | null, boolean]> {
  const started = performance.now();
  const code = await operator.stop();
  return [code, performance.now() - started < REQUEST_MS];
}
