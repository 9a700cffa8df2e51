import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sealer } from "../../src/portal/sealer.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { authority } from "../kube/certificates.ts";
import { CLIENT, type Issuer, startIssuer } from "./issuer.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { type Page, Visitor } from "./visitor.ts";

/** A portal at which people sign in by a real issuer. */
export interface SignInPortal {
  readonly portal: PortalProcess;
  readonly issuer: Issuer;
  /** With the portal's own keys. */
  readonly sealer: Sealer;
  /** Signs in, and gives the page that the person comes to. */
  signIn(visitor: Visitor, name: string, to: string): Promise<Page>;
  /** A browser that nobody has signed in with. */
  visitor(): Visitor;
  stop(): Promise<void>;
}

/** What people open; what stands before the portal and makes https of it is left out. */
export const PUBLIC_URL = "https://keys.example.org/ssh/";

export async function startSignInPortal(cluster: Cluster, namespace: string): Promise<SignInPortal> {
  const issuer = await startIssuer([`${PUBLIC_URL}callback`]);
  const folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  await writeFile(join(folder, "secret"), `${CLIENT.secret}\n`);
  await writeFile(join(folder, "ca.pem"), authority);
  await mkdir(join(folder, "session"));
  await writeFile(join(folder, "session", "1"), "of these tests, and of no others".padEnd(32));
  const config = `portal:
  publicURL: ${PUBLIC_URL}
  session: { keysFolder: ${join(folder, "session")} }
  oidc:
    issuer: ${issuer.url}
    clientID: ${CLIENT.id}
    clientSecretFile: ${join(folder, "secret")}
    caFile: ${join(folder, "ca.pem")}
`;
  const { kubeconfig } = cluster.controlPlane;
  const portal = await startPortal({ kubeconfig, namespace, config });
  return {
    portal,
    issuer,
    sealer: new Sealer(join(folder, "session")),
    async signIn(visitor, name, to) {
      const begun = await visitor.send(`/ssh/sign-in?${new URLSearchParams({ to })}`);
      const back = await issuer.signIn(begun.headers.get("location") ?? "", name);
      return await visitor.open(back.pathname + back.search);
    },
    visitor: () => new Visitor(portal.url),
    async stop() {
      await portal.stop();
      await issuer.close();
      await rm(folder, { recursive: true });
    },
  };
}
