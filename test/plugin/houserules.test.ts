import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { BUNDLE, plugin } from "./plugin.ts";
import { Terminal } from "./terminal.ts";

let cluster: Cluster;
let tenant: Tenant;

const KEYS = 1000;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await Promise.all(
    Array.from({ length: KEYS }, (_, i) => tenant.create(`key-${i}`, { user: "alice", key: freshKey() })),
  );
});

afterAll(async () => {
  await cluster?.stop();
});

/** A shell that runs the plugin as `sshkey`; its exit code is in the file `code` of the folder it gives back. */
async function inShell(line: string) {
  const dir = mkdtempSync(join(tmpdir(), "shell-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const sshkey = `sshkey() { '${process.execPath}' '${BUNDLE}' "$@"; echo $? > code; }`;
  const env = { ...process.env, KUBECONFIG: cluster.controlPlane.kubeconfig };
  const finished = await run("bash", ["-c", `${sshkey}\n${line}`], { env, cwd: dir });
  return { ...finished, codeOfPlugin: Number(readFileSync(join(dir, "code"), "utf8")) };
}

describe("who reads the output", () => {
  test("late gets all of it", async () => {
    const list = `sshkey list -n ${tenant.namespace} -o json`;
    const [file, late] = await Promise.all([
      inShell(`${list} > all; cat all`),
      inShell(`${list} | { sleep 2; cat; }`),
    ]);
    expect(JSON.parse(late.stdout).items).toHaveLength(KEYS);
    expect(late).toEqual(file);
    expect(late.codeOfPlugin).toBe(0);
  });

  test("only at the beginning ends it without a word, as a shell counts it", async () => {
    const { stdout, stderr, codeOfPlugin } = await inShell(
      `sshkey list -n ${tenant.namespace} -o json | head -1`,
    );
    expect([stdout, stderr, codeOfPlugin]).toEqual(["{\n", "", 141]);
  });

  test("not at all of what is said beside it loses none of the result", async () => {
    const { stdout, codeOfPlugin } = await inShell(
      `sshkey list -n ${tenant.namespace} nothing 2>&- -o name; true`,
    );
    expect([stdout, codeOfPlugin]).toEqual(["", 0]);
  });
});

describe("an API server that does not answer", () => {
  /** The address of one that takes connections and says nothing; `asked` when somebody has connected. */
  async function silence(): Promise<{ readonly url: string; readonly asked: () => boolean }> {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on("error", () => undefined);
      onTestFinished(() => {
        socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.close();
    });
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    return { url: `127.0.0.1:${port}`, asked: () => connections > 0 };
  }

  test.each(["http", "https"])("over %s is left by Ctrl-C within a second", async (scheme) => {
    const { url, asked } = await silence();
    const terminal = new Terminal(["list", "-s", `${scheme}://${url}`], { KUBECONFIG: "/nowhere" });
    await eventually("it has asked", asked);
    const { code, ms } = await terminal.interrupt();
    expect([code, terminal.shown]).toEqual([130, expect.stringMatching(/stopped\n$/)]);
    expect(ms).toBeLessThan(1000);
  });

  test("is told of on one line of the terminal that goes again, after two seconds", async () => {
    const { url } = await silence();
    const args = ["list", "-s", `http://${url}`];
    const terminal = new Terminal(args, { KUBECONFIG: "/nowhere" });
    await terminal.untilItShows("reading from the API server: 0 sshkeys");
    await terminal.interrupt();
    expect(terminal.shown).toMatch(
      /^(\u001b\[2Kreading from the API server: 0 sshkeys)\^C\u001b\[2Kstopped\n$/,
    );
  });

  test("is waited for without a word where stderr is no terminal", async () => {
    const { url } = await silence();
    const { stderr } = await plugin(["list", "-s", `http://${url}`, "--request-timeout", "2500ms"]);
    expect(stderr).toMatch(/^error: .*\n$/);
  });

  test("is waited for as long as --request-timeout says", async () => {
    const { url } = await silence();
    const { code, stderr } = await plugin(["list", "-s", `http://${url}`, "--request-timeout", "100ms"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("longer with --request-timeout")]);
  });
});

test.each([
  ["30s", true],
  ["1m30s", true],
  ["1.5h", true],
  ["5", true],
  ["0", true],
  ["soon", false],
  ["-1s", false],
])("--request-timeout %s is understood: %s", async (timeout, isGood) => {
  const { kubeconfig } = cluster.controlPlane;
  const { code, stderr } = await plugin(["list", "nothing", `--request-timeout=${timeout}`], { kubeconfig });
  expect(code).toBe(isGood ? 0 : 2);
  expect(stderr.includes("give a duration such as 30s or 2m")).toBe(!isGood);
});

test("kubectl finds it as `kubectl sshkey`", async () => {
  const bin = mkdtempSync(join(tmpdir(), "bin-"));
  onTestFinished(() => rmSync(bin, { recursive: true }));
  symlinkSync(BUNDLE, join(bin, "kubectl-sshkey"));
  const { kubectl, kubeconfig } = cluster.controlPlane;
  const path = [bin, dirname(process.execPath), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path, KUBECONFIG: kubeconfig };
  const args = ["sshkey", "list", "key-77", "-o", "name", "-n", tenant.namespace];
  const { code, stdout } = await run(kubectl, args, { env });
  expect([code, stdout.split("\n")[0]]).toEqual([0, "sshkey.sshkey-operator.dev/key-77"]);
});

describe("a command line that is wrong names the help that has the right one:", () => {
  test.each([
    [["lst"], "kubectl sshkey --help"],
    [["list", "--usr", "x"], "kubectl sshkey list --help"],
    [["raw"], "kubectl sshkey raw --help"],
    [["plan", "keys/"], "kubectl sshkey plan --help"],
  ])("%j", async (args, help) => {
    const { code, stdout, stderr } = await plugin(args);
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(`\n\`${help}\` shows `)]);
  });
});
