import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { type Finished, run } from "../cluster/run.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type FlatKubeconfig, flatKubeconfig } from "./flatkubeconfig.ts";
import { personWith } from "./person.ts";
import { BUNDLE, plugin } from "./plugin.ts";
import { Terminal } from "./terminal.ts";

/** For what is asked of it here a busy machine has all the time that it needs. */
const PATIENT = { KUBECTL_SSHKEY_COMPLETION_TIMEOUT: "2m" };

let cluster: Cluster;
let admin: FlatKubeconfig;
let tenant: Tenant;
/** A folder with the plugin and the helper as a person has installed them. */
let bin: string;
let dir: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  admin = await flatKubeconfig(cluster);
  tenant = new Tenant(cluster, await cluster.namespace());
  await tenant.create("alice-desk", { user: "alice@example.com", key: freshKey() });
  await tenant.create("alice-laptop", { user: "alice@example.com", key: freshKey() });
  await tenant.create("bob", { user: "Bob $(reboot)", key: freshKey() });
  bin = mkdtempSync(join(tmpdir(), "completion-bin-"));
  symlinkSync(BUNDLE, join(bin, "kubectl-sshkey"));
  const helper = join(bin, "kubectl_complete-sshkey");
  writeFileSync(helper, (await plugin(["completion", "kubectl"])).stdout);
  chmodSync(helper, 0o755);
});

afterAll(async () => {
  rmSync(bin, { recursive: true });
  await cluster?.stop();
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "completion-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
});

/** What the plugin answers for the last of the words. */
async function complete(
  words: readonly string[],
  o: { kubeconfig?: string; env?: object } = {},
): Promise<Finished> {
  const { kubeconfig = cluster.controlPlane.kubeconfig, env = PATIENT } = o;
  return await plugin(["__complete", ...words], { kubeconfig, env: { ...env } });
}

/** The candidates, of an answer without a fault. */
async function candidates(...words: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await complete(words);
  expect([code, stderr, stdout.slice(-3)]).toEqual([0, "", ":4\n"]);
  return stdout.split("\n").slice(0, -2);
}

/** A kubeconfig of the administrator in the tenant's namespace, with these changes. */
function kubeconfigWith(change: { user?: object; contexts?: readonly string[] }): string {
  const { user, contexts = [] } = change;
  const [{ context } = { context: {} }] = admin.contexts;
  const config = {
    ...admin,
    users: admin.users.map((each) => ({ ...each, ...(user === undefined ? {} : { user }) })),
    contexts: [
      ...admin.contexts.map((each) => ({ ...each, context: { ...context, namespace: tenant.namespace } })),
      ...contexts.map((name) => ({ name, context })),
    ],
  };
  const file = join(dir, "kubeconfig");
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const SILENCE = { code: 0, stdout: ":4\n", stderr: "" };

describe("from the cluster come", () => {
  test.each(["show", "raw", "delete", "disable", "enable", "rotate", "where", "prove"])(
    "the names of SSHKeys for %s",
    async (command) => {
      expect(await candidates(command, "-n", tenant.namespace, "alice-")).toEqual([
        "alice-desk\talice@example.com",
        "alice-laptop\talice@example.com",
      ]);
    },
  );

  test("those of the namespace of the context", async () => {
    const { stdout } = await complete(["show", "alice-l"], { kubeconfig: kubeconfigWith({}) });
    expect(stdout).toBe("alice-laptop\talice@example.com\n:4\n");
  });

  test("no names that were given already", async () => {
    expect(await candidates("delete", `-n${tenant.namespace}`, "alice-desk", "alice-")).toEqual([
      "alice-laptop\talice@example.com",
    ]);
  });

  test("no users that a shell could take for more than a word", async () => {
    expect(await candidates("show", "-n", tenant.namespace, "b")).toEqual(["bob"]);
    expect(await candidates("list", "-n", tenant.namespace, "--user", "")).toEqual(["alice@example.com"]);
  });

  test("the users of all namespaces behind -A", async () => {
    const other = new Tenant(cluster, await cluster.namespace());
    const user = `carol-${other.namespace}`;
    await other.create("carol", { user, key: freshKey() });
    expect(await candidates("list", "-A", "--user=carol-")).toContain(user);
    expect(await candidates("list", "-n", tenant.namespace, "--user=carol-")).toEqual([]);
  });

  test("namespaces", async () => {
    expect(await candidates("list", "-n", tenant.namespace)).toEqual([tenant.namespace]);
  });

  test("names for somebody who may only view", async () => {
    const viewer = await personWith("view", tenant);
    expect(await candidates("show", "-n", tenant.namespace, "--as", viewer, "alice-l")).toHaveLength(1);
  });

  test("500 names of more, with the last, so that no shell goes on further than they are the same", async () => {
    const many = new Tenant(cluster, await cluster.namespace());
    const names = Array.from({ length: 510 }, (_, i) => `key-${String(i).padStart(3, "0")}`);
    await Promise.all(names.map((name) => many.create(name, { user: "alice", key: freshKey() })));
    const found = await candidates("show", "-n", many.namespace, "k");
    expect(found).toHaveLength(500);
    expect(found.at(-1)).toBe("key-509\talice");
  });
});

describe("from the kubeconfig come", () => {
  test("contexts, except those that a shell could take for more than a word", async () => {
    const arn = "arn:aws:eks:eu-west-1:1:cluster/people";
    const kubeconfig = kubeconfigWith({ contexts: [arn, "a$(reboot)", "a b", "a\tb\u001b[2J"] });
    expect(await complete(["list", "--context", "a"], { kubeconfig })).toEqual({
      ...SILENCE,
      stdout: `${arn}\n:4\n`,
    });
  });

  test("clusters of the file that the command line names", async () => {
    const file = join(dir, "other");
    writeFileSync(file, JSON.stringify({ clusters: [{ name: "east" }, { name: "west" }] }));
    expect(await candidates("list", "--kubeconfig", file, "--cluster", "w")).toEqual(["west"]);
  });
});

describe("nothing is said, and all is well, where", () => {
  test("somebody has no rights", async () => {
    const words = ["show", "-n", tenant.namespace, "--as", "nobody", ""];
    expect(await complete(words)).toEqual(SILENCE);
  });

  test.each([
    ["there is no kubeconfig", "/nowhere"],
    ["the kubeconfig is none", BUNDLE],
  ])("%s", async (_, kubeconfig) => {
    expect(await complete(["show", ""], { kubeconfig })).toEqual(SILENCE);
  });

  test("nothing listens at the address", async () => {
    expect(await complete(["show", "-s", "https://127.0.0.1:1", ""])).toEqual(SILENCE);
  });

  test("the time to wait is no time", async () => {
    const env = { KUBECTL_SSHKEY_COMPLETION_TIMEOUT: "soon" };
    const { code, stdout } = await complete(["list", "--sort", "na"], { env });
    expect([code, stdout]).toEqual([0, "name\n:4\n"]);
  });
});

/** What it takes beyond a completion that asks nobody, in ms. Of the default of a second. */
async function extraTime(words: readonly string[], kubeconfig?: string) {
  const timed = async (what: readonly string[]) => {
    const before = performance.now();
    const finished = await complete(what, { ...(kubeconfig === undefined ? {} : { kubeconfig }), env: {} });
    return { finished, ms: performance.now() - before };
  };
  const [waiting, base] = await Promise.all([timed(words), timed(["list", "--sort", ""])]);
  return { finished: waiting.finished, ms: waiting.ms - base.ms };
}

/** A helper of these lines of shell. */
function helper(script: string, exec: object = {}): string {
  const file = join(dir, "helper");
  const answer = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: admin.users[0]?.user,
  };
  writeFileSync(file, `#!/bin/sh\ncd '${dir}'\nanswer() { echo '${JSON.stringify(answer)}'; }\n${script}\n`);
  chmodSync(file, 0o755);
  const { apiVersion } = answer;
  return kubeconfigWith({
    user: { exec: { apiVersion, command: file, interactiveMode: "IfAvailable", ...exec } },
  });
}

describe("within a second it is silent about", () => {
  test.each(["http", "https"])(
    "an API server that takes connections and answers nothing over %s",
    async (scheme) => {
      const server = createServer((socket) => {
        socket.on("error", () => undefined);
        onTestFinished(() => void socket.destroy());
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => void server.close());
      const address = server.address();
      const port = typeof address === "object" ? address?.port : 0;
      const { finished, ms } = await extraTime(["show", "-s", `${scheme}://127.0.0.1:${port}`, ""]);
      expect(finished).toEqual(SILENCE);
      expect(ms).toBeLessThan(1000);
    },
  );

  test("a sign-in helper that does not want to end, and ends it with all that it has started", async () => {
    const kubeconfig = helper(
      "trap '' INT TERM HUP\necho $$ > pid\nsleep 1000 & echo $! >> pid\nwhile :; do wait; done",
    );
    const { finished, ms } = await extraTime(["show", ""], kubeconfig);
    expect(finished).toEqual(SILENCE);
    expect(ms).toBeLessThan(1000);
    const pids = readFileSync(join(dir, "pid"), "utf8").trim().split("\n");
    expect(pids).toHaveLength(2);
    for (const pid of pids) await eventually(`${pid} has ended`, () => !isRunning(pid));
  });

  test("a kubeconfig that cannot be read to its end", async () => {
    const pipe = join(dir, "pipe");
    expect((await run("mkfifo", [pipe])).code).toBe(0);
    const { finished, ms } = await extraTime(["show", ""], pipe);
    expect(finished).toEqual(SILENCE);
    expect(ms).toBeLessThan(1000);
  });
});

function isRunning(pid: string): boolean {
  // One that nobody has waited for has ended too.
  return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

describe("a sign-in helper", () => {
  test("that needs the terminal is not run", async () => {
    const kubeconfig = helper("touch was-run; answer", { interactiveMode: "Always" });
    expect(await complete(["show", ""], { kubeconfig })).toEqual(SILENCE);
    expect(existsSync(join(dir, "was-run"))).toBe(false);
  });

  test("says nothing and asks nothing, not on the terminal itself either", async () => {
    const kubeconfig = helper(
      "echo visit >&2\n(echo ABCD > /dev/tty; read code < /dev/tty) 2>/dev/null\nread code\nanswer",
    );
    const terminal = new Terminal(["__complete", "show", "alice-l"], { KUBECONFIG: kubeconfig, ...PATIENT });
    expect([await terminal.end(), terminal.shown]).toEqual([0, "alice-laptop\talice@example.com\n:4\n"]);
  });
});

describe("kubectl", () => {
  /** kubectl's own completion, with these folders before the rest of the PATH. */
  async function kubectlComplete(words: readonly string[], ...folders: readonly string[]): Promise<Finished> {
    const { kubectl } = cluster.controlPlane;
    const path = [...folders, dirname(process.execPath), process.env.PATH].join(delimiter);
    const env = { ...process.env, ...PATIENT, PATH: path, KUBECONFIG: kubeconfigWith({}), HOME: dir };
    return await run(kubectl, ["__complete", "sshkey", ...words], { env });
  }

  test("completes names with the helper", async () => {
    const { code, stdout } = await kubectlComplete(["show", ""], bin);
    expect([code, stdout]).toEqual([
      0,
      "alice-desk\talice@example.com\nalice-laptop\talice@example.com\nbob\n:4\n",
    ]);
  });

  test.each([
    [["list", "--st"], "--state\tin this STATE only, whatever its case\n:4\n"],
    [["list", "--sort=na"], "name\n:4\n"],
    [["list", "-o", "w"], "wide\n:4\n"],
    [["check", ""], ":0\n"],
    [["di"], "disable\tTake keys out of their Secrets and keep the SSHKeys\n:4\n"],
  ])("completes %j", async (words, expected) => {
    expect((await kubectlComplete(words, bin)).stdout).toBe(expected);
  });
});

describe("bash", () => {
  /** An interactive bash with the script, and the plugin on its PATH; the cursor is behind this. */
  async function typed(line: string): Promise<Terminal> {
    const script = join(dir, "script.bash");
    // What stands in /etc comes before it.
    writeFileSync(script, `${(await plugin(["completion", "bash"])).stdout}PS1='ready> '\n`);
    const env = {
      ...PATIENT,
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      KUBECONFIG: kubeconfigWith({ contexts: ["arn:aws:eks:eu-west-1:1:cluster/people"] }),
      INPUTRC: "/dev/null",
    };
    const terminal = new Terminal(["--noprofile", "--rcfile", script, "-i"], env, ["bash"]);
    await terminal.untilItShows("ready> ");
    terminal.type(line);
    return terminal;
  }

  test.each([
    ["kubectl-sshkey sh", "kubectl-sshkey show "],
    ["kubectl-sshkey show alice-l", "kubectl-sshkey show alice-laptop "],
    ["kubectl-sshkey show 'alice-l", "kubectl-sshkey show 'alice-laptop' "],
    ["kubectl-sshkey list --so", "kubectl-sshkey list --sort "],
    ["kubectl-sshkey list --sort fi", "kubectl-sshkey list --sort fingerprint "],
    ["kubectl-sshkey list --sort=fi", "kubectl-sshkey list --sort=fingerprint "],
    ["kubectl-sshkey list --user al", "kubectl-sshkey list --user alice@example.com "],
    ["kubectl-sshkey list --context arn:aws:e", "--context arn:aws:eks:eu-west-1:1:cluster/people "],
    ["kubectl-sshkey list --context=arn:", "--context=arn:aws:eks:eu-west-1:1:cluster/people "],
    ["true; kubectl-sshkey show alice-l", "kubectl-sshkey show alice-laptop "],
    ["kubectl-sshkey check package-l", "kubectl-sshkey check package-lock.json "],
    ["kubectl-sshkey check --config=package-l", "kubectl-sshkey check --config=package-lock.json "],
  ])("completes %s", async (line, completed) => {
    const terminal = await typed(`${line}\t`);
    await terminal.untilItShows(completed);
  });

  test("evaluates nothing of an unfinished line", async () => {
    const terminal = await typed(
      `kubectl-sshkey delete "$(touch '${dir}/evaluated')" -n ${tenant.namespace} alice-l\t`,
    );
    await terminal.untilItShows("alice-laptop ");
    expect(existsSync(join(dir, "evaluated"))).toBe(false);
  });

  test("offers no files where a name is meant", async () => {
    const terminal = await typed("kubectl-sshkey show package-l\t\n");
    await terminal.untilItShows("there is no SSHKey package-l in namespace");
  });
});
