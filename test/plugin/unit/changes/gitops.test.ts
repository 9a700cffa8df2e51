import { describe, expect, test } from "vitest";
import type { ObjectMeta } from "../../../../src/api/object.ts";
import { keeperOf } from "../../../../src/plugin/changes/gitops.ts";

function kept(metadata: Partial<ObjectMeta>) {
  return keeperOf({ metadata: { name: "a", uid: "u", resourceVersion: "1", ...metadata } });
}

describe("an object is kept by", () => {
  test.each<[string, Partial<ObjectMeta>, string, string | undefined]>([
    [
      "a Kustomization",
      {
        labels: {
          "kustomize.toolkit.fluxcd.io/name": "people",
          "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        },
      },
      "Flux",
      "Kustomization flux-system/people",
    ],
    ["a HelmRelease", { labels: { "helm.toolkit.fluxcd.io/name": "keys" } }, "Flux", "HelmRelease keys"],
    ["an Application", { labels: { "argocd.argoproj.io/instance": "keys" } }, "Argo CD", "Application keys"],
    [
      "an Application that tracks by annotation",
      { annotations: { "argocd.argoproj.io/tracking-id": "keys:sshkey-operator.dev/SSHKey:a/b" } },
      "Argo CD",
      "Application keys",
    ],
    [
      "a release",
      {
        annotations: { "meta.helm.sh/release-name": "keys", "meta.helm.sh/release-namespace": "a" },
      },
      "Helm",
      "release a/keys",
    ],
    [
      "whoever writes it as Flux does",
      { managedFields: [{ manager: "kustomize-controller" }] },
      "Flux",
      undefined,
    ],
    [
      "whoever writes it as Argo CD does",
      { managedFields: [{ manager: "argocd-controller" }] },
      "Argo CD",
      undefined,
    ],
    ["whoever writes it as Helm does", { managedFields: [{ manager: "helm" }] }, "Helm", undefined],
  ])("%s", (_, metadata, tool, by) => {
    expect(kept(metadata)).toEqual({ tool, by });
  });

  test.each<[string, Partial<ObjectMeta>]>([
    [
      "kubectl",
      { managedFields: [{ manager: "kubectl-client-side-apply" }, { manager: "sshkey-operator" }] },
    ],
    ["this plugin", { managedFields: [{ manager: "sshkey-plugin" }] }],
    ["a person's own label", { labels: { "app.kubernetes.io/instance": "keys" } }],
  ])("nobody for what %s leaves on it", (_, metadata) => {
    expect(kept(metadata)).toBeUndefined();
  });
});
