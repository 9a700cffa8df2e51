import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { run } from "../cluster/run.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { flatKubeconfig } from "./flatkubeconfig.ts";
import { plugin } from "./plugin.ts";
import { Terminal } from "./terminal.ts";

const V1 = "client.authentication.k8s.io/v1";

let cluster: Cluster;
let server: object;
let token: string;
let dir: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  const { clusters, users } = await flatKubeconfig(cluster);
  server = clusters[0]?.cluster ?? {};
  token = users[0]?.user.token ?? "";
});

afterAll(async () => {
  await cluster?.stop();
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "signin-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
});

/** A kubeconfig whose user signs in with a helper of these lines of shell; `$TOKEN` is good, `answer` prints it. */
function withHelper(script: string, exec: object = {}, more: object = {}): string {
  const answer = `answer() { echo '{"apiVersion":"${V1}","kind":"ExecCredential","status":{"token":"'$TOKEN'"}}'; }`;
  writeFileSync(join(dir, "helper"), `#!/bin/sh\n${answer}\n${script}\n`);
  chmodSync(join(dir, "helper"), 0o755);
  const user = {
    exec: {
      apiVersion: V1,
      command: "./helper",
      interactiveMode: "IfAvailable",
      env: [{ name: "TOKEN", value: token }],
      ...exec,
    },
  };
  const file = join(dir, "kubeconfig");
  const config = {
    clusters: [{ name: "c", cluster: { ...server, ...more } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const ASKS =
  'echo "visit https://id.example and enter ABCD" >&2; read code; echo "$code" > "$(dirname "$0")/code"; answer';

const list = (kubeconfig: string) => plugin(["list", "nothing", "-o", "name"], { kubeconfig });

describe("a sign-in helper in a terminal", () => {
  test("is seen at once, and reads what the person types", async () => {
    const terminal = new Terminal(["list", "nothing", "-o", "name"], { KUBECONFIG: withHelper(ASKS) });
    await terminal.untilItShows("enter ABCD");
    terminal.type("1234\n");
    expect([await terminal.end(), readFileSync(join(dir, "code"), "utf8")]).toEqual([0, "1234\n"]);
  });

  test("with interactiveMode Always is run", async () => {
    const kubeconfig = withHelper(ASKS, { interactiveMode: "Always" });
    const terminal = new Terminal(["list", "nothing", "-o", "name"], { KUBECONFIG: kubeconfig });
    await terminal.untilItShows("enter ABCD");
    terminal.type("1234\n");
    expect(await terminal.end()).toBe(0);
  });

  test("with interactiveMode Never reads nothing", async () => {
    const kubeconfig = withHelper(ASKS, { interactiveMode: "Never" });
    const terminal = new Terminal(["list", "nothing", "-o", "name"], { KUBECONFIG: kubeconfig });
    expect([await terminal.end(), readFileSync(join(dir, "code"), "utf8")]).toEqual([0, "\n"]);
  });

  test.each([
    ["waits", "echo waiting >&2; read code"],
    ["does not want to stop", "trap '' INT TERM; echo waiting >&2; while :; do sleep 60; done"],
  ])("that %s is stopped by Ctrl-C within a second", async (_, script) => {
    const terminal = new Terminal(["list"], { KUBECONFIG: withHelper(script) });
    await terminal.untilItShows("waiting");
    const { code, ms } = await terminal.interrupt();
    expect([code, terminal.shown]).toEqual([130, expect.stringContaining("stopped")]);
    expect(ms).toBeLessThan(1000);
  });
});

describe("a sign-in helper without a terminal", () => {
  test("reads nothing", async () => {
    const { code } = await list(withHelper(ASKS));
    expect([code, readFileSync(join(dir, "code"), "utf8")]).toEqual([0, "\n"]);
  });

  test("that needs one is not run", async () => {
    const { code, stderr } = await list(withHelper("touch $0.ran; answer", { interactiveMode: "Always" }));
    expect(code).toBe(2);
    expect(stderr).toBe(
      `error: the sign-in helper ${dir}/helper of your kubeconfig needs the terminal, but there is none: run it in a terminal, or sign in before\n`,
    );
  });

  test("that needs one is not run while the key comes from standard input", async () => {
    const kubeconfig = withHelper("touch $0.ran; answer", { interactiveMode: "Always" });
    const { code, stderr } = await plugin(["add", "-"], { kubeconfig, input: freshKey() });
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/needs the terminal, but the key is read from/),
    ]);
  });

  test.each([
    ["nothing of the cluster", {}, {}],
    ["the cluster", { provideClusterInfo: true }, {}],
    [
      "all of the cluster",
      { provideClusterInfo: true },
      {
        "tls-server-name": "localhost",
        "disable-compression": true,
        extensions: [{ name: "client.authentication.k8s.io/exec", extension: { audience: "a" } }],
      },
    ],
    [
      "the older version",
      { apiVersion: "client.authentication.k8s.io/v1beta1", provideClusterInfo: true },
      {},
    ],
  ])("is told %s as kubectl tells it", async (_, exec, more) => {
    const kubeconfig = withHelper(
      'echo "$KUBERNETES_EXEC_INFO" > "$(dirname "$0")/info"; answer',
      exec,
      more,
    );
    const info = () => JSON.parse(readFileSync(join(dir, "info"), "utf8"));
    const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: dir };
    await run(cluster.controlPlane.kubectl, ["get", "namespaces"], { env });
    const told = info();
    await list(kubeconfig);
    expect(info()).toEqual({ ...told, spec: { ...told.spec, interactive: told.spec.interactive ?? false } });
  });

  test("that is not installed is named with the hint of the kubeconfig, without what a terminal obeys", async () => {
    const { code, stderr } = await list(
      withHelper("", { command: "no-such-helper", installHint: "Get it:\n\tcurl \u001b[31mexample" }),
    );
    expect(code).toBe(2);
    expect(stderr).toBe(
      "error: the sign-in helper no-such-helper of your kubeconfig is not installed:\nGet it:\n\tcurl U+001B[31mexample\n",
    );
  });

  test("that ends with an error is named, after what it says itself", async () => {
    const { code, stderr } = await list(withHelper('echo "session expired" >&2; exit 3'));
    expect([code, stderr]).toEqual([
      2,
      `session expired\nerror: the sign-in helper ${dir}/helper of your kubeconfig ended with exit code 3: run it by hand to see why\n`,
    ]);
  });

  test("that prints something else is named, and nothing of that is repeated", async () => {
    const { code, stderr } = await list(withHelper('echo "token: $TOKEN"'));
    expect([code, stderr]).toEqual([2, expect.stringContaining("printed no ExecCredential of")]);
    expect(stderr).not.toContain(token);
  });

  test("is not run where the command line has a token", async () => {
    const kubeconfig = withHelper("exit 1");
    expect((await plugin(["list", "--token", token], { kubeconfig })).code).toBe(0);
  });
});

test.each([
  ["check", "KEY"],
  ["import", "authorized_keys", "KEY", "--user", "alice", "--kubeconfig", "KUBECONFIG"],
  ["add", "KEY", "--user", "alice", "--dry-run", "client", "--kubeconfig", "KUBECONFIG"],
])("what needs no cluster never runs a helper of the kubeconfig: %s", async (...words) => {
  const kubeconfig = withHelper("echo >> ran; answer");
  const key = join(dir, "key.pub");
  writeFileSync(key, freshKey());
  const args = words.map((word) => ({ KEY: key, KUBECONFIG: kubeconfig })[word] ?? word);
  const { code } = await plugin(args, { kubeconfig });
  expect([code, existsSync(join(dir, "ran"))]).toEqual([0, false]);
});
