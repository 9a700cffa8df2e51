import { join } from "node:path";
import { Narrator } from "./narrator.ts";
import { type Act, inAnotherTerminal, isTerminal, perform, untilInterrupted } from "./performance.ts";
import { quoted } from "./shell.ts";
import { tell } from "./steps.ts";

// Shows the operator at work on a private control plane. In a terminal it then stays up until Ctrl-C; elsewhere,
// or with DEMO_EXIT=1, it ends, and with DEMO_EXIT=0 it stays up everywhere. Exit code 0 when every step showed
// what it should, 1 when one did not or the demo could not be given, 130 when it was interrupted in between.
const staysUp = isTerminal ? process.env.DEMO_EXIT !== "1" : process.env.DEMO_EXIT === "0";

const FIRST_STEP =
  process.env.USE_EXISTING_CLUSTER === "true"
    ? "Use the cluster of KUBECONFIG, and put nothing there that is not removed at the end."
    : "Start a Kubernetes API server with its etcd, for this demo alone.";

process.exit(await perform(FIRST_STEP, demo));

async function demo(act: Act): Promise<number> {
  const { screen, stage, signal } = act;
  screen.command(`export KUBECONFIG=${quoted(stage.kubeconfig)}`);
  const portal = await tell(new Narrator(screen, stage.shell, signal), stage);
  const seconds = (performance.now() / 1000).toFixed(1);
  screen.success(`Every step showed what it should, in ${seconds} s.`);
  if (staysUp) await stayUp(act, portal);
  return 0;
}

async function stayUp({ screen, stage, signal }: Act, portal: string): Promise<void> {
  screen.plain([
    "",
    "It all stays up until you press Ctrl-C. In another terminal:",
    "",
    ...inAnotherTerminal(stage),
    "  kubectl get sshkeys --all-namespaces",
    `  tail -f ${quoted(join(stage.dir, "operator.log"))}`,
    "",
    "In a browser, as alice, who may also see and change everybody's keys:",
    "",
    `  ${portal}`,
    "",
  ]);
  await untilInterrupted(signal);
}
