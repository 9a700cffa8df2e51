import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import { expect, it } from "vitest";
import { DEFAULT_SETTINGS, type Settings } from "../../../src/config/settings.ts";
import type { EventRecorder } from "../../../src/kube/eventrecorder.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { Metrics } from "../../../src/operator/metrics.ts";
import { connectionsFor, Operator } from "../../../src/operator/operator.ts";
import { only, until } from "./fakes.ts";

it("ends at once when it was told to stop before it began", async () => {
  const operator = operatorWith(only<Transport>({}), DEFAULT_SETTINGS);
  await operator.run(AbortSignal.abort());
  expect(operator.isReady).toBe(false);
});

it("has a connection more for each request that one more namespace may have under way", async () => {
  const [few, many] = [await atTheStart(1), await atTheStart(20)];
  expect(many.connections - few.connections).toBe(many.underWay - few.underWay);
});

/** How many requests are under way when none is answered, and how many there are connections for. */
async function atTheStart(served: number): Promise<{ underWay: number; connections: number }> {
  const namespaces = Array.from({ length: served }, (_, i) => `team-${i}`);
  const settings = { ...DEFAULT_SETTINGS, namespaces };
  let underWay = 0;
  const hang = () => {
    underWay += 1;
    return new Promise<never>(() => {});
  };
  const operator = operatorWith(only<Transport>({ request: hang, read: hang }), settings);
  void operator.run(new AbortController().signal);
  // The files of what is known of keys are read first.
  await until("all that begins has begun", () => underWay >= served);
  await setImmediate();
  return { underWay, connections: connectionsFor(settings) };
}

function operatorWith(transport: Transport, settings: Settings): Operator {
  return new Operator({
    transport,
    settings,
    recorder: only<EventRecorder>({}),
    log: pino({ enabled: false }),
    metrics: new Metrics(),
  });
}
