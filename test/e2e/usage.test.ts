import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { BASTION_EXAMPLES, EXAMPLES, exampleObjects } from "../sshd/example.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { acceptedLine, today } from "../usage/bastion.ts";
import { applyExample } from "./exampleapply.ts";
import { ForwardedSSHD } from "./forwardedsshd.ts";
import {
  apply,
  applySSHKey,
  applyWhole,
  freshNamespace,
  kubectl,
  REPOSITORY,
  refreshPods,
  SSHKEYS,
  waitForState,
} from "./kubernetes.ts";
import { applyWithImage, image, OPERATOR_NAMESPACE } from "./operator.ts";

/** Those of examples/usage. */
const [PEOPLE, BASTION, NODES] = ["people", "bastion", "nodes"] as const;
const SIDECAR = "e2e-sidecar";
const EXAMPLE = join(REPOSITORY, "examples", "usage");

let sshd: ForwardedSSHD;
let key: KeyPair;

beforeAll(async () => {
  await kubectl(["delete", "namespace", PEOPLE, BASTION, "--ignore-not-found"]);
  await applyWithImage(EXAMPLE);
  sshd = new ForwardedSSHD(BASTION, "deployment/bastion");
  key = await sshd.keyPair("alice");
  await sshd.createHostKey("bastion-hostkeys");
  const names = { "team-a": PEOPLE, "team-b": "people-b", "team-c": "people-c" };
  await applyExample("accounts.yaml", BASTION_EXAMPLES, { names, keys: new Map() });
  await applySSHKey(PEOPLE, "alice-laptop", { user: "alice", key: key.publicKey });
  await sshd.connect();
});

afterAll(async () => {
  await sshd.stop();
  await kubectl([
    "delete",
    "namespace",
    PEOPLE,
    BASTION,
    NODES,
    SIDECAR,
    "--ignore-not-found",
    "--wait=false",
  ]);
  const own = ["deployment", "serviceaccount"].map((kind) => `${kind}/sshkey-usage`);
  await kubectl(["delete", "--namespace", OPERATOR_NAMESPACE, ...own]);
  const roles = ["usage", "usage-logs", "usage-namespaces"].map(
    (name) => `clusterrole/sshkey-operator-${name}`,
  );
  await kubectl(["delete", ...roles, "clusterrolebinding/sshkey-operator-usage-namespaces"]);
});

test("who logs in at a pod of the bastion has used the key today, by the log that kubelet gives", async () => {
  await eventually("alice logs in", async () => {
    await refreshPods(BASTION);
    return (await sshd.login("alice", key)).accepted;
  });
  const source = `pod/${BASTION}/${await podOf(BASTION)}`;
  expect(await lastUsed(PEOPLE)).toMatchObject({ time: today(), source });
});

test("the reader of logs is ready, as its probe says", async () => {
  const reader = ["deployment/sshkey-usage", "--namespace", OPERATOR_NAMESPACE];
  await kubectl(["rollout", "status", ...reader, "--timeout=60s"]);
});

test("a sidecar reads the file into which sshd logs, with rights in its own namespace only", async () => {
  await freshNamespace(SIDECAR);
  const own = new ForwardedSSHD(SIDECAR, "deployment/bastion");
  await own.createHostKey("bastion-hostkeys");
  const [config] = await exampleObjects("bastion.yaml", EXAMPLES);
  await apply(SIDECAR, config ?? {}, ...(await withImages("sidecar.yaml")));
  await applySSHKey(SIDECAR, "alice-laptop", { user: "alice", key: key.publicKey });
  try {
    await own.connect();
    await eventually("alice logs in", async () => {
      await refreshPods(SIDECAR);
      return (await own.login("alice", key)).accepted;
    });
    const source = `pod/${SIDECAR}/${await podOf(SIDECAR)}`;
    expect(await lastUsed(SIDECAR)).toMatchObject({ time: today(), source });
  } finally {
    await own.stop();
  }
});

test("an agent reads the log of the node, as the group adm may", async () => {
  await freshNamespace(NODES);
  await applySSHKey(NODES, "alice-laptop", { user: "alice", key: key.publicKey });
  await waitForState(NODES, "alice-laptop", "Projected");
  await applyWhole(await withImages("nodes.yaml"));
  const fingerprint = await kubectl([...sshKey(NODES), "-o=jsonpath={.status.fingerprint}"]);
  await apply(NODES, syslog(acceptedLine(fingerprint)));
  const node = await kubectl(["get", "nodes", "-o=jsonpath={.items[0].metadata.name}"]);
  expect(await lastUsed(NODES)).toMatchObject({ time: today(), source: `node/${node}` });
  await kubectl(["rollout", "status", "daemonset/sshkey-usage", "--namespace", NODES, "--timeout=60s"]);
});

/** The objects of a file of the example, with the images of these tests. */
async function withImages(file: string): Promise<object[]> {
  const { repository, tag } = image();
  const text = JSON.stringify(await exampleObjects(file, EXAMPLE))
    .replaceAll(/"sshkey-operator:[^"]+"/g, `"${repository}:${tag}"`)
    .replaceAll(/registry\.example\.com\/[^"]+/g, process.env.E2E_SSHD_IMAGE ?? "");
  return JSON.parse(text);
}

function podOf(namespace: string): Promise<string> {
  const selector = "--selector=app.kubernetes.io/name=bastion";
  return kubectl([
    "get",
    "pods",
    "--namespace",
    namespace,
    selector,
    "-o=jsonpath={.items[0].metadata.name}",
  ]);
}

function sshKey(namespace: string): readonly string[] {
  return ["get", SSHKEYS, "alice-laptop", "--namespace", namespace];
}

async function lastUsed(namespace: string): Promise<unknown> {
  return await eventually(`a use is reported in ${namespace}`, async () => {
    const found = await kubectl([...sshKey(namespace), "-o=jsonpath={.status.lastUsed}"]);
    return found !== "" && JSON.parse(found);
  });
}

/** Writes this line into the node's log, as the syslog of Debian does. */
function syslog(line: string): object {
  const log = "/var/log/node/auth.log";
  const script = `umask 027 && echo "$0" >>${log} && chgrp adm ${log}`;
  const container = {
    name: "syslog",
    image: process.env.E2E_SSHD_IMAGE,
    command: ["sh", "-euc", script, line],
    volumeMounts: [{ name: "log", mountPath: "/var/log/node" }],
  };
  const volumes = [{ name: "log", hostPath: { path: "/var/log", type: "Directory" } }];
  const spec = { restartPolicy: "Never", containers: [container], volumes };
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "syslog" }, spec };
}
