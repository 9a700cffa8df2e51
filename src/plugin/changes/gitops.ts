import type { Command } from "commander";
import type { KubeObject } from "../../api/object.ts";
import { printable } from "../../ssh/unprintable.ts";
import { PluginError, type Session } from "../session/session.ts";

/** Whose an object is that a tool keeps as some source has it: what is changed past that source, the next sync undoes. */
export interface Keeper {
  readonly tool: "Flux" | "Argo CD" | "Helm";
  /** What of the tool keeps it, such as a Kustomization's name; undefined where only its traces are seen. */
  readonly by: string | undefined;
}

/** The tool that keeps the object, as its labels, annotations and managedFields tell. */
export function keeperOf({ metadata }: KubeObject): Keeper | undefined {
  const { labels = {}, annotations = {}, managedFields = [] } = metadata;
  for (const { tool, kind, label, annotation, namespace } of MARKS) {
    const name = (label && labels[label]) || (annotation && annotations[annotation]);
    if (name === undefined || name === "") continue;
    const where = namespace === undefined ? undefined : (labels[namespace] ?? annotations[namespace]);
    // A tracking id has the object behind a colon.
    const [keeper = ""] = printable(name).split(":");
    return { tool, by: `${kind} ${where === undefined ? "" : `${printable(where)}/`}${keeper}` };
  }
  const manager = managedFields.map((entry) => entry.manager ?? "").find((each) => MANAGERS.test(each));
  if (manager === undefined) return undefined;
  const tool = manager.startsWith("argocd") ? "Argo CD" : manager === "helm" ? "Helm" : "Flux";
  return { tool, by: undefined };
}

/** Flags of the commands that change what is there. */
export interface GitOpsFlags {
  readonly forceGitops?: boolean;
}

export function addForceGitOps(command: Command): Command {
  return command.option(
    "--force-gitops",
    "go on although Flux, Argo CD or Helm keeps the object, whose next sync may undo it",
  );
}

/**
 * Rejects with a PluginError where a tool keeps the object and would undo what is about to be done. `instead`: what to do in
 * the source, as in "set spec.disabled there". With --force-gitops the person is told and it goes on.
 */
export function heedKeeper(
  session: Session,
  object: KubeObject,
  instead: string,
  { forceGitops }: GitOpsFlags,
): void {
  const keeper = keeperOf(object);
  if (keeper === undefined) return;
  const { tool, by } = keeper;
  const { name } = object.metadata;
  const whose = `${name} is kept by ${tool}${by === undefined ? "" : ` (${by})`}`;
  if (forceGitops === true) {
    session.say(`warning: ${whose}, whose next sync may undo this: ${instead} as well`);
    return;
  }
  throw new PluginError(
    `${whose}, whose next sync would undo this: ${instead}; --force-gitops does it here all the same`,
  );
}

/** Where the source of the object is changed. */
export const IN_SOURCE = "in the git repository or chart that it comes from";

const MARKS: readonly {
  readonly tool: Keeper["tool"];
  readonly kind: string;
  readonly label?: string;
  readonly annotation?: string;
  /** The label or annotation that names the namespace of it. */
  readonly namespace?: string;
}[] = [
  {
    tool: "Flux",
    kind: "Kustomization",
    label: "kustomize.toolkit.fluxcd.io/name",
    namespace: "kustomize.toolkit.fluxcd.io/namespace",
  },
  {
    tool: "Flux",
    kind: "HelmRelease",
    label: "helm.toolkit.fluxcd.io/name",
    namespace: "helm.toolkit.fluxcd.io/namespace",
  },
  { tool: "Argo CD", kind: "Application", label: "argocd.argoproj.io/instance" },
  { tool: "Argo CD", kind: "Application", annotation: "argocd.argoproj.io/tracking-id" },
  {
    tool: "Helm",
    kind: "release",
    annotation: "meta.helm.sh/release-name",
    namespace: "meta.helm.sh/release-namespace",
  },
];

const MANAGERS = /^(kustomize-controller|helm-controller|argocd-(application-)?controller|argocd|helm)$/;
