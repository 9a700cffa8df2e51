import { API_VERSION, KIND, type State } from "../api/sshkey.ts";
import type { EventRecorder } from "../kube/eventrecorder.ts";
import type { Log } from "./log.ts";
import type { StatusWritten } from "./reconciler.ts";

/** States that were asked for; every other one is a refusal. */
const NORMAL: ReadonlySet<State> = new Set<State>(["Projected", "Disabled"]);

/** Says in an Event and in the log that a key's STATE has changed, with the reason word that its status has. */
export function announce(
  { record, verdict, previousState }: StatusWritten,
  recorder: EventRecorder,
  log: Log,
): void {
  const { namespace, name, uid, user } = record;
  const isNormal = NORMAL.has(verdict.state);
  recorder.record({
    regarding: { apiVersion: API_VERSION, kind: KIND, namespace, name, uid },
    type: isNormal ? "Normal" : "Warning",
    reason: verdict.state,
    action: "Project",
    note: verdict.message,
  });
  const line = {
    event: "StateChanged",
    namespace,
    name,
    user,
    state: verdict.state,
    ...(previousState === "" ? {} : { previousState }),
    ...(record.refusal === undefined ? {} : { code: record.refusal.code }),
  };
  if (isNormal) log.info(line, verdict.message);
  else log.warn(line, verdict.message);
}
