import { StepFailed } from "./expectation.ts";
import { Screen } from "./screen.ts";
import { Interrupted, quoted } from "./shell.ts";
import { openStage, type Stage } from "./stage.ts";

/** What is given on a stage. */
export interface Act {
  readonly stage: Stage;
  readonly screen: Screen;
  /** Aborts when a person or the system asks for the end. */
  readonly signal: AbortSignal;
}

export const isTerminal = process.stdout.isTTY === true;

/**
 * Sets the stage, gives the act on it, clears it away; the exit code: what the act gives, 1 when a step did not show what it
 * should or the act could not be given, 130 when it was interrupted before its end.
 */
export async function perform(firstStep: string, act: (act: Act) => Promise<number>): Promise<number> {
  const interrupt = new AbortController();
  const { signal } = interrupt;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // The second one does not wait for anything to end gracefully.
    process.on(name, () => (signal.aborted ? process.exit(130) : interrupt.abort()));
  }
  // Nobody reads any more.
  process.stdout.on("error", () => interrupt.abort());
  const screen = new Screen({
    write: (text) => process.stdout.write(text),
    columns: () => (isTerminal ? process.stdout.columns : undefined),
    colours: isTerminal && !process.env.NO_COLOR,
  });
  try {
    screen.step(firstStep);
    const stage = await openStage(signal);
    try {
      return await act({ stage, screen, signal });
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      screen.failure(error.message);
      screen.plain(["", "The end of the operator's log:", ...stage.operatorLog(), ""]);
      return 1;
    } finally {
      await stage.tearDown();
      // The terminal has written ^C at the beginning of the line.
      if (signal.aborted) screen.plain([""]);
      screen.remark("Everything is stopped and removed.");
    }
  } catch (error) {
    return explain(error, screen);
  }
}

/** What a person types in another terminal to look at the same cluster. */
export function inAnotherTerminal({ kubeconfig, binaries }: Stage): string[] {
  return [
    `  export KUBECONFIG=${quoted(kubeconfig)}`,
    ...(binaries === undefined ? [] : [`  export PATH="${binaries}:$PATH"`]),
  ];
}

export async function untilInterrupted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Says what went wrong and gives the exit code. An error with a code has a message for people. */
function explain(error: unknown, screen: Screen): number {
  if (error instanceof Interrupted) {
    screen.remark(error.message);
    return 130;
  }
  if (!(error instanceof Error && "code" in error)) throw error;
  screen.failure(error.message);
  return 1;
}
