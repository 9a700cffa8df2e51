import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { eventually } from "../cluster/eventually.ts";
import { withRefresh } from "../deploy/refresh.ts";
import { kubectl, REPOSITORY } from "./kubernetes.ts";

export const OPERATOR_NAMESPACE = "sshkey-operator";
const DEPLOYMENT = "deployment/sshkey-operator";

/** Installs what `deploy/` ships, unchanged but for the image, and with refresh.pods and what belongs to it for `refreshes`. */
export async function installOperator({ refreshes = false } = {}): Promise<void> {
  if (refreshes) await withRefresh("deploy", applyKustomized, { images: images() });
  else await applyWithImage(join(REPOSITORY, "deploy"));
  await waitForOperator();
}

/** Applies a kustomization, unchanged but for the operator's image. */
export async function applyWithImage(kustomization: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-e2e-"));
  try {
    const resources = [relative(folder, kustomization)];
    writeFileSync(join(folder, "kustomization.yaml"), JSON.stringify({ resources, images: images() }));
    await applyKustomized(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function applyKustomized(folder: string): Promise<void> {
  await kubectl(["apply", "--kustomize", folder]);
}

/** Both replicas are Ready. */
export async function waitForOperator(): Promise<void> {
  await kubectl(["rollout", "status", DEPLOYMENT, "--namespace", OPERATOR_NAMESPACE, "--timeout=300s"]);
}

/** Resolves when that many pods are there, and the others are gone. */
export async function scaleOperator(replicas: number): Promise<void> {
  await kubectl(["scale", DEPLOYMENT, "--namespace", OPERATOR_NAMESPACE, `--replicas=${replicas}`]);
  await eventually(
    `the operator has ${replicas} pods`,
    async () => (await operatorPods()).length === replicas,
  );
  await waitForOperator();
}

/** The oldest first, with those that are being stopped. */
export async function operatorPods(): Promise<string[]> {
  const args = ["--namespace", OPERATOR_NAMESPACE, "--selector", "app.kubernetes.io/name=sshkey-operator"];
  const names = await kubectl([
    "get",
    "pods",
    ...args,
    "--sort-by=.metadata.creationTimestamp",
    "-o=jsonpath={.items[*].metadata.name}",
  ]);
  return names.split(" ").filter((name) => name !== "");
}

/** The pod that holds the Lease. */
export async function leader(): Promise<string> {
  const args = ["get", "lease", "sshkey-operator", "--namespace", OPERATOR_NAMESPACE];
  const holder = await kubectl([...args, "-o=jsonpath={.spec.holderIdentity}"]);
  return holder.split("_")[0] ?? "";
}

function images(): readonly object[] {
  const { repository, tag } = image();
  return [{ name: "sshkey-operator", newName: repository, newTag: tag }];
}

/** The operator's image. */
export function image(): { readonly repository: string; readonly tag: string } {
  const [, repository, tag] = /^(.*):([^:/]+)$/.exec(process.env.E2E_OPERATOR_IMAGE ?? "") ?? [];
  if (repository === undefined || tag === undefined) throw new Error("E2E_OPERATOR_IMAGE must be NAME:TAG");
  return { repository, tag };
}
