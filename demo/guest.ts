import type { Shell } from "./shell.ts";

/** The namespace that the SSHKeys of examples/quickstart/ are in. */
export const NAMESPACE = "team-a";

/** That of the AuthorizedKeys. */
export const BASTION = "bastion";

const OWN = [
  `namespace/${NAMESPACE}`,
  `namespace/${BASTION}`,
  "customresourcedefinition/sshkeys.sshkey-operator.dev",
  "customresourcedefinition/authorizedkeys.sshkey-operator.dev",
];

/** Makes sure that a cluster of somebody's holds nothing that the demo would change. Throws an Occupied otherwise. */
export async function requireVacancy(shell: Shell, signal: AbortSignal): Promise<void> {
  for (const object of OWN) {
    const { code, output } = await shell.run(`kubectl get ${object} --ignore-not-found -o name`, signal);
    if (code !== 0) throw new Occupied(`The cluster of KUBECONFIG cannot be used: ${output.trim()}`);
    if (output !== "") {
      throw new Occupied(
        `The cluster of KUBECONFIG has ${object} already, and the demo makes and removes its own: unset USE_EXISTING_CLUSTER, or set KUBECONFIG to a cluster without it.`,
      );
    }
  }
}

/** Removes what the demo has made in a cluster that was vacant. Throws an Occupied when it cannot. */
export async function clear(shell: Shell): Promise<void> {
  for (const object of OWN) {
    const { code, output } = await shell.run(`kubectl delete ${object} --ignore-not-found --timeout=180s`);
    if (code !== 0) throw new Occupied(`Delete ${object} by hand, the demo could not: ${output.trim()}`);
  }
}

/** Somebody's cluster cannot take the demo, or not be left as it was. */
class Occupied extends Error {
  override readonly name = "Occupied";
  readonly code = "CLUSTER_OCCUPIED";
}
