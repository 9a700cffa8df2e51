import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The text of a kubeconfig file with one cluster and one user, as JSON, which every reader of YAML takes.
 * It holds the token: write it with mode 0600.
 */
export function kubeconfig(o: {
  readonly server: string;
  /** PEM; absent when the cluster's certificate is publicly trusted. */
  readonly ca?: string;
  readonly user: string;
  readonly token: string;
  readonly namespace?: string;
}): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "cluster",
        cluster: {
          server: o.server,
          ...(o.ca === undefined ? {} : { "certificate-authority-data": base64(o.ca) }),
        },
      },
    ],
    users: [{ name: o.user, user: { token: o.token } }],
    contexts: [
      {
        name: "default",
        context: {
          cluster: "cluster",
          user: o.user,
          ...(o.namespace === undefined ? {} : { namespace: o.namespace }),
        },
      },
    ],
    "current-context": "default",
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** A service account's token, as TokenRequest or `kubectl create token` gives it. */
export interface AccountToken {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly token: string;
}

/** Writes a kubeconfig file for the token into `dir`, readable by its owner only, and gives back its path. */
export async function writeTokenKubeconfig(
  dir: string,
  cluster: { readonly server: string; readonly ca?: string },
  account: AccountToken,
): Promise<string> {
  const { namespace, serviceAccount, token } = account;
  const file = join(dir, `${namespace}.${serviceAccount}.${randomBytes(4).toString("hex")}.kubeconfig`);
  await writeFile(file, kubeconfig({ ...cluster, user: serviceAccount, token, namespace }), { mode: 0o600 });
  return file;
}
