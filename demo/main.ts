import { join } from "node:path";
import { StepFailed } from "./expectation.ts";
import { Narrator } from "./narrator.ts";
import { Screen } from "./screen.ts";
import { Interrupted, quoted } from "./shell.ts";
import { openStage, type Stage } from "./stage.ts";
import { tell } from "./steps.ts";

// Shows the operator at work on a private control plane. In a terminal it then stays up until Ctrl-C; elsewhere,
// or with DEMO_EXIT=1, it ends, and with DEMO_EXIT=0 it stays up everywhere. Exit code 0 when every step showed
// what it should, 1 when one did not or the demo could not be given, 130 when it was interrupted in between.
const isTerminal = process.stdout.isTTY === true;
const staysUp = isTerminal ? process.env.DEMO_EXIT !== "1" : process.env.DEMO_EXIT === "0";

const FIRST_STEP =
  process.env.USE_EXISTING_CLUSTER === "true"
    ? "Use the cluster of KUBECONFIG, and put nothing there that is not removed at the end."
    : "Start a Kubernetes API server with its etcd, for this demo alone.";

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // The second one does not wait for anything to end gracefully.
  process.on(signal, () => (interrupt.signal.aborted ? process.exit(130) : interrupt.abort()));
}
// Nobody reads any more.
process.stdout.on("error", () => interrupt.abort());

const screen = new Screen({
  write: (text) => process.stdout.write(text),
  columns: () => (isTerminal ? process.stdout.columns : undefined),
  colours: isTerminal && !process.env.NO_COLOR,
});

process.exit(await demo(interrupt.signal));

/** Sets the stage, gives the demo on it, clears it away; the exit code. */
async function demo(signal: AbortSignal): Promise<number> {
  try {
    screen.step(FIRST_STEP);
    const stage = await openStage(signal);
    try {
      return await give(stage, signal);
    } finally {
      await stage.tearDown();
      // The terminal has written ^C at the beginning of the line.
      if (signal.aborted) screen.plain([""]);
      screen.remark("Everything is stopped and removed.");
    }
  } catch (error) {
    return explain(error);
  }
}

async function give(stage: Stage, signal: AbortSignal): Promise<number> {
  try {
    screen.command(`export KUBECONFIG=${quoted(stage.kubeconfig)}`);
    await tell(new Narrator(screen, stage.shell, signal), stage);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    screen.failure(error.message);
    screen.plain(["", "The end of the operator's log:", ...stage.operatorLog(), ""]);
    return 1;
  }
  const seconds = (performance.now() / 1000).toFixed(1);
  screen.success(`Every step showed what it should, in ${seconds} s.`);
  if (staysUp) await stayUp(stage, signal);
  return 0;
}

async function stayUp({ kubeconfig, binaries, dir }: Stage, signal: AbortSignal): Promise<void> {
  screen.plain([
    "",
    "It all stays up until you press Ctrl-C. In another terminal:",
    "",
    `  export KUBECONFIG=${quoted(kubeconfig)}`,
    ...(binaries === undefined ? [] : [`  export PATH="${binaries}:$PATH"`]),
    "  kubectl get sshkeys --all-namespaces",
    `  tail -f ${quoted(join(dir, "operator.log"))}`,
    "",
  ]);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Says what went wrong and gives the exit code. An error with a code has a message for people. */
function explain(error: unknown): number {
  if (error instanceof Interrupted) {
    screen.remark(error.message);
    return 130;
  }
  if (!(error instanceof Error && "code" in error)) throw error;
  screen.failure(error.message);
  return 1;
}
