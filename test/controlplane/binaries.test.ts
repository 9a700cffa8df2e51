import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findBinaries, locate } from "../../controlplane/binaries.ts";

const ALL = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "binaries-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** A folder with executable files of these names. */
function folder(path: string, names: readonly string[]): string {
  const full = join(dir, path);
  mkdirSync(full, { recursive: true });
  for (const name of names) {
    writeFileSync(join(full, name), "");
    chmodSync(join(full, name), 0o755);
  }
  return full;
}

const CACHED = "sshkey-operator/controlplane/v1.36.3";

test("an existing cluster comes before KUBEBUILDER_ASSETS and the cache", () => {
  const bin = folder("bin", ["kubectl"]);
  const assets = folder("assets", ALL);
  folder(`cache/${CACHED}`, ALL);
  expect(
    locate({
      USE_EXISTING_CLUSTER: "true",
      KUBECONFIG: "/some/config",
      PATH: `/nowhere:${bin}`,
      KUBEBUILDER_ASSETS: assets,
      XDG_CACHE_HOME: join(dir, "cache"),
    }),
  ).toEqual({ folder: bin, source: "existing cluster", complete: true });
});

test("KUBEBUILDER_ASSETS comes before the cache", () => {
  const assets = folder("assets", ALL);
  folder(`cache/${CACHED}`, ALL);
  expect(locate({ KUBEBUILDER_ASSETS: assets, XDG_CACHE_HOME: join(dir, "cache") })).toEqual({
    folder: assets,
    source: "KUBEBUILDER_ASSETS",
    complete: true,
  });
});

test("the cache is the folder of the pinned version under XDG_CACHE_HOME", () => {
  const cache = folder(`cache/${CACHED}`, ALL);
  expect(locate({ XDG_CACHE_HOME: join(dir, "cache") })).toEqual({
    folder: cache,
    source: "cache",
    complete: true,
  });
});

test("the cache is complete when it has what is needed", () => {
  folder(`cache/${CACHED}`, ["etcd", "kube-apiserver", "kubectl"]);
  const env = { XDG_CACHE_HOME: join(dir, "cache") };
  expect([locate(env).complete, locate(env, ["etcd", "kubectl"]).complete]).toEqual([false, true]);
});

test("without XDG_CACHE_HOME the cache is under .cache in the home folder", () => {
  const cache = folder(`home/.cache/${CACHED}`, ALL);
  expect(locate({ HOME: join(dir, "home") }).folder).toBe(cache);
});

test("a cache that lacks one binary is not complete", () => {
  folder(`cache/${CACHED}`, ALL.slice(1));
  expect(locate({ XDG_CACHE_HOME: join(dir, "cache") }).complete).toBe(false);
});

test("a cached file that is not executable does not count", () => {
  const cache = folder(`cache/${CACHED}`, ALL);
  chmodSync(join(cache, "etcd"), 0o644);
  // The superuser passes every check of permissions but needs one execute bit too.
  expect(locate({ XDG_CACHE_HOME: join(dir, "cache") }).complete).toBe(false);
});

test("an existing cluster's kubectl may come from the cache", () => {
  const cache = folder(`cache/${CACHED}`, ALL);
  const env = {
    USE_EXISTING_CLUSTER: "true",
    KUBECONFIG: "/c",
    PATH: "",
    XDG_CACHE_HOME: join(dir, "cache"),
  };
  expect(locate(env).folder).toBe(cache);
});

test("USE_EXISTING_CLUSTER has to be the word true", () => {
  const assets = folder("assets", ALL);
  expect(locate({ USE_EXISTING_CLUSTER: "false", KUBEBUILDER_ASSETS: assets }).source).toBe(
    "KUBEBUILDER_ASSETS",
  );
});

test("an existing cluster without KUBECONFIG is refused", () => {
  expect(() => locate({ USE_EXISTING_CLUSTER: "true" })).toThrow(/KUBECONFIG is not set: set it/);
});

test("an existing cluster without any kubectl is refused", () => {
  const env = { USE_EXISTING_CLUSTER: "true", KUBECONFIG: "/c", PATH: dir, XDG_CACHE_HOME: dir };
  expect(() => locate(env)).toThrow(/install kubectl/);
});

test("assets without kube-controller-manager are enough, as setup-envtest gives no more", () => {
  const assets = folder("assets", ["etcd", "kube-apiserver", "kubectl"]);
  expect(locate({ KUBEBUILDER_ASSETS: assets }).complete).toBe(true);
});

test("assets without etcd are refused with the name of what is missing", () => {
  const assets = folder("assets", ["kube-apiserver", "kubectl"]);
  expect(() => locate({ KUBEBUILDER_ASSETS: assets })).toThrow(`${assets}, which has no executable etcd:`);
});

test("what is in the cache is found without Go", async () => {
  const cache = folder(`cache/${CACHED}`, ALL);
  expect(await findBinaries({ env: { PATH: "", XDG_CACHE_HOME: join(dir, "cache") } })).toBe(cache);
});

test("without Go one sentence says what to install or set", async () => {
  const env = { PATH: folder("empty", []), XDG_CACHE_HOME: join(dir, "cache"), HOME: dir };
  await expect(findBinaries({ env })).rejects.toThrow(
    "Building Kubernetes v1.36.3 needs Go 1.26 or newer, and no working go is on the PATH: install Go from https://go.dev/dl, or set KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kubectl, or set USE_EXISTING_CLUSTER=true with KUBECONFIG.",
  );
});
