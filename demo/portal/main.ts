import { writeFile } from "node:fs/promises";
import { createServer as createHTTPServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { lineWith } from "../expectation.ts";
import { NAMESPACE } from "../guest.ts";
import { Narrator } from "../narrator.ts";
import { type Act, inAnotherTerminal, perform, untilInterrupted } from "../performance.ts";
import { quoted } from "../shell.ts";
import { portalArguments } from "../stage.ts";
import { CLIENT, createIssuer } from "./issuer.ts";

// Starts the portal with an issuer to sign in at, on a private control plane with an operator, until Ctrl-C. All of it is on
// loopback, by plain http, which browsers take there for as good as https. Exit codes as those of the demo.
const isExisting = process.env.USE_EXISTING_CLUSTER === "true";

const FIRST_STEP = isExisting
  ? "Use the cluster of KUBECONFIG, and put nothing there that is not removed at the end."
  : "Start a Kubernetes API server with its etcd, for this try alone.";

/** Where the portal listens, if nothing else does. */
const PORT = 8080;
const PEOPLE = ["alice", "bob", "admin"] as const;

/** Whoever may list and assign SSHKeys in the namespace is an admin of the portal. */
const ADMIN = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: portal-admin, namespace: ${NAMESPACE} }
rules:
  - apiGroups: [sshkey-operator.dev]
    resources: [sshkeys]
    verbs: [list, assign]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: portal-admin, namespace: ${NAMESPACE} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: portal-admin }
subjects:
  - { apiGroup: rbac.authorization.k8s.io, kind: User, name: admin }
`;

process.exit(await perform(FIRST_STEP, show));

async function show(act: Act): Promise<number> {
  const { screen, stage, signal } = act;
  const narrator = new Narrator(screen, stage.shell, signal);
  screen.command(`export KUBECONFIG=${quoted(stage.kubeconfig)}`);
  screen.step("Install the SSHKey API, start the operator, and give some people keys.");
  await narrator.act("kubectl apply --server-side -f crds/", lineWith("sshkeys.sshkey-operator.dev"));
  await narrator.until("kubectl wait --for=condition=Established --timeout=30s -f crds/");
  screen.command(`${stage.operatorCommand} &`);
  await stage.startOperator();
  await narrator.act("kubectl apply -f examples/quickstart/", lineWith("alice-laptop", "created"));
  const rights = join(stage.dir, "admin.yaml");
  await writeFile(rights, ADMIN);
  await narrator.act(`kubectl apply -f ${quoted(rights)}`, lineWith("rolebinding", "created"));

  screen.step("Start the portal, and an issuer of OpenID Connect to sign in at.");
  const portal = `http://127.0.0.1:${await portFor(PORT)}/`;
  const issuer = await serveIssuer(portal);
  const [secret, config] = [join(stage.dir, "client-secret"), join(stage.dir, "portal.yaml")];
  await writeFile(secret, CLIENT.secret, { mode: 0o600 });
  // What somebody's own cluster calls its people, and how they get a token, is not known here.
  const audience = isExisting ? undefined : await audienceOf(narrator);
  await writeFile(config, configuration(portal, issuer, secret, audience));
  await narrator.look(`cat ${quoted(config)}`, [lineWith("publicURL", portal)], { layout: "file" });
  const given = ["--listen", new URL(portal).host, "--config", config];
  screen.command(`${["node", ...portalArguments(given)].map(quoted).join(" ")} &`);
  const { log } = await stage.startPortal(given);

  screen.success(`The portal is open: ${portal}`);
  screen.plain([
    "",
    "Sign in as alice or bob, who have keys, or under a name of your own, which has none yet: these see and change their own.",
    "Sign in as admin to see and change everybody's. The issuer believes you; sign out to be somebody else.",
    "",
    "What you do there is in the cluster at once, and so is what you do in another terminal:",
    "",
    ...inAnotherTerminal(stage),
    `  kubectl get sshkeys -n ${NAMESPACE}`,
    `  tail -f ${quoted(log)}`,
    "",
    ...(audience === undefined ? [] : byProgram(portal)),
    "Ctrl-C stops and removes everything.",
    "",
  ]);
  await untilInterrupted(signal);
  return 0;
}

/** Of the API server, unless its flags say more. */
async function audienceOf(narrator: Narrator): Promise<string | undefined> {
  const metadata = await narrator.until("kubectl get --raw /.well-known/openid-configuration");
  return /"issuer":"([^"]+)"/.exec(metadata)?.[1];
}

/** What a program sends, with the token of this API server's only person. */
function byProgram(portal: string): string[] {
  return [
    "The REST API takes tokens of the API server; there, as admin:",
    "",
    "  TOKEN=$(kubectl config view --raw -o jsonpath='{.users[0].user.token}')",
    `  curl -u "admin:$TOKEN" ${portal}api/users/alice/ssh_keys`,
    "",
  ];
}

function configuration(
  publicURL: string,
  issuer: string,
  clientSecretFile: string,
  audience: string | undefined,
): string {
  const tokens = audience === undefined ? "" : `  tokens:\n    audience: ${audience}\n`;
  return `portal:
  publicURL: ${publicURL}
  oidc:
    issuer: ${issuer}
    clientID: ${CLIENT.id}
    clientSecretFile: ${clientSecretFile}
${tokens}`;
}

/** An issuer on a port of its own, for as long as this process lives; its address. */
async function serveIssuer(portal: string): Promise<string> {
  const { promise: issuer, resolve } = Promise.withResolvers<RequestListener>();
  const server = createHTTPServer((request, response) => {
    void issuer.then((answer) => answer(request, response));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  resolve(
    await createIssuer(url, {
      redirectURIs: [`${portal}callback`],
      afterSignOut: [portal],
      people: PEOPLE,
      claimsOf: () => ({}),
    }),
  );
  return url;
}

/** This port of loopback, or another one where it is taken. */
async function portFor(wanted: number): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((listening, failed) => {
      probe.once("error", failed).listen(wanted, "127.0.0.1", listening);
    });
    return (probe.address() as AddressInfo).port;
  } catch {
    return await portFor(0);
  } finally {
    probe.close();
  }
}
