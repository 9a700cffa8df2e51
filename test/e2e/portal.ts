import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { parse, parseDocument } from "yaml";
import { run } from "../cluster/run.ts";
import { CLIENT } from "../portal/issuer.ts";
import { documented } from "./documented.ts";
import { kubectl, REPOSITORY } from "./kubernetes.ts";
import { image, OPERATOR_NAMESPACE, waitForOperator } from "./operator.ts";
import type { PodIssuer } from "./podissuer.ts";

const EXAMPLE = join(REPOSITORY, "examples", "portal");
const PAGE = "docs/portal.md";
/** Its objects' name. */
export const PORTAL = "sshkey-operator-portal";
const SECRETS = [`${PORTAL}-session`, `${PORTAL}-oidc`];

/** For kubectl. */
export const IN_NAMESPACE = ["--namespace", OPERATOR_NAMESPACE];

/** What people open, in the example's configuration. */
export const PUBLIC_URL: string = parse(readFileSync(join(EXAMPLE, "config.yaml"), "utf8")).portal.publicURL;

/**
 * Installs operator and portal as docs/portal.md says: its commands for the Secrets, examples/portal/ with other names, and
 * its patches for another namespace of people. Resolves when all replicas are ready.
 */
export async function installPortal(
  namespace: string,
  issuer: Pick<PodIssuer, "url" | "certificate">,
): Promise<void> {
  await uninstallPortal();
  await inFolder(async (folder) => {
    await createSecrets(folder, issuer);
    cpSync(EXAMPLE, folder, { recursive: true });
    edit(folder, "people.yaml", (text) => text.replaceAll(/(name|namespace): people$/gm, `$1: ${namespace}`));
    edit(folder, "config.yaml", (text) => {
      const config = parseDocument(text);
      config.setIn(["portal", "oidc", "issuer"], issuer.url);
      config.setIn(["portal", "oidc", "clientID"], CLIENT.id);
      config.setIn(["portal", "oidc", "caFile"], `/etc/${PORTAL}-oidc/ca.crt`);
      return String(config);
    });
    edit(folder, "kustomization.yaml", (text) => {
      const { repository, tag } = image();
      const patches = documented(PAGE, "yaml", "patches:").replaceAll("staff", namespace);
      return JSON.stringify({
        ...parse(text.replaceAll("../..", relative(folder, REPOSITORY))),
        ...parse(patches),
        images: [{ name: "sshkey-operator", newName: repository, newTag: tag }],
      });
    });
    await kubectl(["apply", "--kustomize", folder]);
  });
  await waitForOperator();
  await kubectl(["rollout", "status", `deployment/${PORTAL}`, ...IN_NAMESPACE, "--timeout=300s"]);
}

/** Removes the portal alone: the operator's configuration still has its section. */
export async function uninstallPortal(): Promise<void> {
  await inFolder(async (folder) => {
    cpSync(join(EXAMPLE, "ingress.yaml"), join(folder, "ingress.yaml"));
    const components = [relative(folder, join(REPOSITORY, "deploy", "portal"))];
    const kustomization = { resources: ["ingress.yaml"], components };
    writeFileSync(join(folder, "kustomization.yaml"), JSON.stringify(kustomization));
    await kubectl(["delete", "--ignore-not-found", "--kustomize", folder]);
  });
  await kubectl(["delete", "secret", ...SECRETS, ...IN_NAMESPACE, "--ignore-not-found"]);
}

export async function portalPods(): Promise<string[]> {
  const selector = ["--selector", "app.kubernetes.io/name=sshkey-portal"];
  const names = await kubectl([
    "get",
    "pods",
    ...IN_NAMESPACE,
    ...selector,
    "-o=jsonpath={.items[*].metadata.name}",
  ]);
  return names.split(" ");
}

/** By the documentation's commands, and the issuer's certificate beside the client's secret. */
async function createSecrets(folder: string, { certificate }: Pick<PodIssuer, "certificate">): Promise<void> {
  const secret = join(folder, "client-secret");
  writeFileSync(secret, CLIENT.secret);
  const commands = documented(PAGE, "sh", "create secret")
    .trimEnd()
    .replace("client-secret=FILE", `client-secret=${secret} --from-file=ca.crt=${certificate}`);
  const { KUBECTL = "kubectl", PATH } = process.env;
  const env = { ...process.env, PATH: `${dirname(KUBECTL)}:${PATH}` };
  const { code, stderr } = await run("bash", ["-euc", commands], { env });
  if (code !== 0) throw new Error(stderr);
}

function edit(folder: string, file: string, change: (text: string) => string): void {
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file), "utf8")));
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-e2e-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
