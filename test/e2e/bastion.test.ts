import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { API_VERSION, AUTHORIZED_KEYS_PLURAL, SHARE_KEYS_ANNOTATION } from "../../src/api/names.ts";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { BASTION_EXAMPLES } from "../sshd/example.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { applyExample } from "./exampleapply.ts";
import { ForwardedSSHD } from "./forwardedsshd.ts";
import { freshNamespace, kubectl, refreshPods } from "./kubernetes.ts";
import { installOperator } from "./operator.ts";

/** The bastion of three teams in examples/bastion, its namespaces under names of these tests. */
const NAMES = {
  "team-a": "e2e-team-a",
  "team-b": "e2e-team-b",
  "team-c": "e2e-team-c",
  bastion: "e2e-three-teams",
};
const NAMESPACE = NAMES.bastion;
const TEAMS = Object.values(NAMES).filter((name) => name !== NAMESPACE);
const SSHKEYS_OF_TEAMS = ["alice-laptop", "alice-tablet", "bob-laptop", "carol-laptop"];
const AUTHORIZED_KEYS = `${AUTHORIZED_KEYS_PLURAL}.${API_VERSION.split("/")[0]}/bastion`;
const SAMPLES = 5;

let accounts: ForwardedSSHD;
let jump: ForwardedSSHD;
const keys = new Map<string, KeyPair>();

beforeAll(async () => {
  await installOperator({ refreshes: true });
  for (const name of Object.values(NAMES)) await freshNamespace(name);
  accounts = new ForwardedSSHD(NAMESPACE, "deployment/bastion");
  jump = new ForwardedSSHD(NAMESPACE, "deployment/jump");
  for (const name of SSHKEYS_OF_TEAMS) keys.set(name, await accounts.keyPair(name));
  await accounts.createHostKey("bastion-hostkeys");
  jump.shareHostKey(accounts);
  for (const file of ["teams.yaml", "accounts.yaml", "jump.yaml"])
    await applyExample(file, BASTION_EXAMPLES, { names: NAMES, keys });
  await share(TEAMS);
  await Promise.all([accounts.connect(), jump.connect()]);
});

afterAll(async () => {
  await Promise.all([accounts.stop(), jump.stop()]);
  await kubectl(["delete", "namespace", ...Object.values(NAMES), "--wait=false"]);
  await installOperator();
});

test.each([
  ["alice", "alice-laptop"],
  ["alice", "alice-tablet"],
  ["bob", "bob-laptop"],
  ["carol", "carol-laptop"],
])("%s logs in with %s to an account that the image does not have", async (account, name) => {
  const output = await eventually("the key logs in", async () => {
    const { accepted, output } = await accounts.login(account, key(name), { command: "id -un; pwd" });
    return accepted && output;
  });
  expect(output).toBe(`${account}\n/home/${account}\n`);
});

test("ssh -J leads through the jump host to an account of the bastion", async () => {
  const address = ["get", "service", "bastion", "--namespace", NAMESPACE, "-o=jsonpath={.spec.clusterIP}"];
  const file = join(jump.folder, "config");
  const inner = join(jump.folder, "inner");
  const ip = await kubectl(address);
  writeFileSync(inner, `${ip} ${accounts.hostKey}`);
  writeFileSync(
    file,
    `Host jump
  HostName 127.0.0.1
  Port ${jump.port}
  UserKnownHostsFile ${jump.knownHosts}
Host *
  UserKnownHostsFile ${inner}
  BatchMode yes
  IdentitiesOnly yes
  IdentityAgent none
  IdentityFile ${key("carol-laptop").file}
  LogLevel ERROR
`,
  );
  const ssh = ["-F", file, "-J", "jump@jump", `carol@${ip}`, "id -un"];
  const { stdout } = await eventually("the key leads through", async () => {
    const finished = await run("ssh", ssh);
    if (finished.code !== 0) throw new Error(finished.stderr);
    return finished;
  });
  expect(stdout).toBe("carol\n");
});

test("a forced command says whose key it is", async () => {
  const options = ["restrict", 'command="echo %u of %n as %l"'];
  const patch = JSON.stringify({ spec: { options } });
  await kubectl(["patch", AUTHORIZED_KEYS, "--namespace", NAMESPACE, "--type=merge", "--patch", patch]);
  await refreshPods(NAMESPACE);
  for (const [name, said] of [
    ["alice-laptop", "alice of e2e-team-a as alice\n"],
    ["alice-tablet", "alice of e2e-team-c as alice\n"],
  ] as const) {
    await eventually(`${name} is told from others`, async () => {
      const { output } = await accounts.login("alice", key(name), { command: "id -un" });
      if (output === said) return true;
      throw new Error(output);
    });
  }
});

test("a team that withdraws its consent is refused within 3 s in the median, by the operator alone", async () => {
  const seconds: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    await share([NAMES["team-b"]]);
    await eventually("bob logs in", async () => {
      await refreshPods(NAMESPACE);
      return (await accounts.login("bob", key("bob-laptop"))).accepted;
    });
    await kubectl(["annotate", "namespace", NAMES["team-b"], `${SHARE_KEYS_ANNOTATION}-`]);
    const withdrawn = performance.now();
    while ((await accounts.login("bob", key("bob-laptop"))).accepted);
    seconds.push((performance.now() - withdrawn) / 1000);
  }
  const sorted = seconds.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(SAMPLES / 2)] ?? Number.NaN;
  const range = [sorted.at(0), sorted.at(-1)].map((each) => each?.toFixed(2)).join("–");
  process.stderr.write(
    `from withdrawn consent to the refusal, refresh.pods: median ${median.toFixed(2)} s, ${range} s, of ${SAMPLES}\n`,
  );
  expect(median).toBeLessThan(3);
  expect(await accounts.login("carol", key("carol-laptop"))).toMatchObject({ accepted: true });
});

function key(name: string): KeyPair {
  const found = keys.get(name);
  if (found === undefined) throw new Error(`there is no key ${name}`);
  return found;
}

async function share(namespaces: readonly string[]): Promise<void> {
  const annotation = `${SHARE_KEYS_ANNOTATION}=${NAMESPACE}`;
  await kubectl(["annotate", "namespace", ...namespaces, "--overwrite", annotation]);
}
