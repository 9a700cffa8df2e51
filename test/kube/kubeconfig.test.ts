import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KubeConfigError, loadKubeConfig } from "../../src/kube/kubeconfig.ts";
import { kubeconfigText } from "./localserver.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kube-test-"));
  vi.stubEnv("KUBECONFIG", "");
  vi.stubEnv("HOME", dir);
  vi.stubEnv("KUBERNETES_SERVICE_HOST", "");
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

const write = (name: string, text: string) => {
  const file = join(dir, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
};

const pod = () => {
  vi.stubEnv("KUBERNETES_SERVICE_HOST", "fd00::1");
  vi.stubEnv("KUBERNETES_SERVICE_PORT", "443");
  write("var/run/secrets/kubernetes.io/serviceaccount/token", "t");
};

const serverOf = (file?: string) => loadKubeConfig(file, dir).config.getCurrentCluster()?.server;

const failureOf = (file?: string): KubeConfigError => {
  try {
    loadKubeConfig(file, dir);
  } catch (error) {
    if (error instanceof KubeConfigError) {
      return error;
    }
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("the configuration is taken from", () => {
  test("the file given, before all else", () => {
    pod();
    vi.stubEnv("KUBECONFIG", write("env", kubeconfigText("https://env")));
    expect(serverOf(write("given", kubeconfigText("https://given")))).toBe("https://given");
  });

  test("KUBECONFIG, before the pod's service account", () => {
    pod();
    vi.stubEnv("KUBECONFIG", write("env", kubeconfigText("https://env")));
    expect(serverOf()).toBe("https://env");
  });

  test("the pod's service account, before the home folder", () => {
    pod();
    write(".kube/config", kubeconfigText("https://home"));
    expect(serverOf()).toBe("https://[fd00::1]:443");
  });

  test("the home folder, when there is nothing else", () => {
    write(".kube/config", kubeconfigText("https://home"));
    expect(serverOf()).toBe("https://home");
  });

  test("several files, of which the first to name a thing wins and those missing are passed over", () => {
    const first = write(
      "first",
      JSON.stringify({ clusters: [{ name: "c", cluster: { server: "https://first" } }] }),
    );
    const second = write("second", kubeconfigText("https://second"));
    vi.stubEnv("KUBECONFIG", `${first}:${join(dir, "missing")}:${second}`);
    expect(serverOf()).toBe("https://first");
  });
});

describe("the error for a configuration that", () => {
  test("is nowhere says where it may be", () => {
    const { code, message } = failureOf();
    expect(code).toBe("NoKubeConfig");
    expect(message).toContain("--kubeconfig FILE");
  });

  test("cannot be read names the file", () => {
    const file = join(dir, "missing");
    expect(failureOf(file)).toMatchObject({
      code: "KubeConfigUnreadable",
      message: expect.stringContaining(file),
    });
  });

  test.each([
    ["no mapping", "just a word"],
    ["no YAML", "a: [secret-token"],
    ["an entry without server", '{"clusters":[{"name":"secret-token","cluster":{}}]}'],
  ])("is %s quotes none of it", (_, text) => {
    const { code, message } = failureOf(write("bad", text));
    expect(code).toBe("KubeConfigInvalid");
    expect(message).not.toContain("secret-token");
  });

  test.each([
    ["has no current context", {}],
    ["names a context that is not there", { "current-context": "gone" }],
    [
      "names a cluster that is not there",
      { "current-context": "x", contexts: [{ name: "x", context: { cluster: "gone", user: "u" } }] },
    ],
  ])("%s says how to choose one", (_, document) => {
    const { code, message } = failureOf(write("bad", JSON.stringify(document)));
    expect(code).toBe("NoCurrentContext");
    expect(message).toContain("kubectl config use-context");
  });
});
