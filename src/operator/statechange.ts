import { API_VERSION, KIND, type State } from "../api/sshkey.ts";
import type { EventRecorder } from "../kube/eventrecorder.ts";
import type { Log } from "./log.ts";
import type { StatusWritten } from "./reconciler.ts";

/** States that were asked for; every other one is a refusal. */
const NORMAL: ReadonlySet<State> = new Set<State>(["Projected", "Disabled"]);

/** A message may say what a key of another format is as an OpenSSH line; key text has no place in a log. */
const KEY_TEXT = /AAAA[A-Za-z0-9+/]+=*/g;

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
  const message = verdict.message.replace(KEY_TEXT, "…");
  if (isNormal) log.info(line, message);
  else log.warn(line, message);
}
