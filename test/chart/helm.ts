import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { parseAllDocuments } from "yaml";
import { findGoTool } from "../../controlplane/gotool.ts";
import { type Finished, run } from "../cluster/run.ts";
import type { Deployment } from "../deploy/installation.ts";

export const CHART = "charts/sshkey-operator";

/** The parts of an object that tests read; its kind says what else it has. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly {
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string }[];
}

/** What a release is: its name, its namespace and the values that differ from the chart's. */
export interface Release {
  readonly name?: string;
  readonly namespace?: string;
  readonly values?: object;
  readonly chart?: string;
}

/** Helm's own files, none of which is the user's. */
const home = mkdtempSync(join(tmpdir(), "sshkey-operator-helm-"));
afterAll(() => rmSync(home, { recursive: true }));
const HOMES = {
  HELM_CACHE_HOME: join(home, "cache"),
  HELM_CONFIG_HOME: join(home, "config"),
  HELM_DATA_HOME: join(home, "data"),
};

/** Runs the pinned Helm; a code other than 0 is a result, not an error. */
export async function helm(
  args: readonly string[],
  o: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const path = await findGoTool("helm", { progress: (line) => process.stderr.write(`${line}\n`) });
  return await run(path, args, { input: o.input ?? "", env: { ...process.env, ...HOMES, ...o.env } });
}

/** Runs a command that takes a chart; the values come by stdin. */
export async function helmRelease(
  command: readonly string[],
  o: Release = {},
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  const { name = "sshkey-operator", namespace = "sshkey-operator", values = {}, chart = CHART } = o;
  const args = [...command, name, chart, "--namespace", namespace, "--values", "-"];
  return await helm(args, { input: JSON.stringify(values), env });
}

/** What the chart makes of the values; throws with Helm's words if it makes nothing. */
export async function render(o: Release = {}): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await helmRelease(["template"], o);
  if (code !== 0) throw new Error(stderr);
  return manifestsIn(stdout);
}

export function manifestsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document): Manifest | null => document.toJS())
    .filter((manifest) => manifest !== null);
}

/** The one object of that kind and name, or the only one of the kind; what else its kind has is in T. */
export function only<T = object>(manifests: readonly Manifest[], kind: string, name?: string): Manifest & T {
  const found = manifests.filter(
    (each) => each.kind === kind && (name === undefined || each.metadata.name === name),
  );
  const [manifest] = found;
  if (manifest === undefined || found.length > 1)
    throw new Error(`${found.length} objects of the kind ${kind} ${name ?? ""}`);
  return manifest as Manifest & T;
}

/** The operator's. */
export function deploymentIn(manifests: readonly Manifest[]): Manifest & Deployment {
  return only<Deployment>(
    manifests.filter(({ metadata }) => !/-(?:portal|usage)$/.test(metadata.name)),
    "Deployment",
  );
}

export function portalDeploymentIn(manifests: readonly Manifest[]): Manifest & Deployment {
  return only<Deployment>(
    manifests.filter(({ metadata }) => metadata.name.endsWith("-portal")),
    "Deployment",
  );
}

export function usageDeploymentIn(manifests: readonly Manifest[]): Manifest & Deployment {
  return only<Deployment>(manifests, "Deployment", "sshkey-usage");
}

export function idOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;
}
