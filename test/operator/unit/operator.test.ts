import { pino } from "pino";
import { expect, it } from "vitest";
import { DEFAULT_SETTINGS } from "../../../src/config/settings.ts";
import type { EventRecorder } from "../../../src/kube/eventrecorder.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { Metrics } from "../../../src/operator/metrics.ts";
import { Operator } from "../../../src/operator/operator.ts";
import { only } from "./fakes.ts";

it("ends at once when it was told to stop before it began", async () => {
  const operator = new Operator({
    transport: only<Transport>({}),
    settings: DEFAULT_SETTINGS,
    recorder: only<EventRecorder>({}),
    log: pino({ enabled: false }),
    metrics: new Metrics(),
  });
  await operator.run(AbortSignal.abort());
  expect(operator.isReady).toBe(false);
});
