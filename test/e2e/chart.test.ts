import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { helm, helmRelease } from "../chart/helm.ts";
import { eventually } from "../cluster/eventually.ts";
import type { Finished } from "../cluster/run.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { kubectl, REPOSITORY, refreshPods, SSHKEYS } from "./kubernetes.ts";
import { image, installOperator, OPERATOR_NAMESPACE, waitForOperator } from "./operator.ts";
import { SSHDPod } from "./sshdpod.ts";

const NAMESPACE = "e2e-chart";
const RELEASE = "sshkey-operator";
const POLICIES = "validatingadmissionpolicies";

let pod: SSHDPod;
let key: KeyPair;

/** An installation by kubectl apply -k, as it was before there were policies. */
beforeAll(async () => {
  await kubectl(["delete", "--kustomize", join(REPOSITORY, "deploy", "policies")]);
  pod = await SSHDPod.start(NAMESPACE);
  key = await pod.admit("key");
});

afterAll(async () => {
  await installOperator();
  await pod.stop();
});

test("a release takes over what kubectl apply -k made, and the operator works", async () => {
  await upgrade({ policies: { enabled: false } });
  await expectPolicies([]);
  await expectWorks();
});

test("an upgrade brings the policies, and the operator works", async () => {
  await upgrade({});
  await expectPolicies([
    "own-pods",
    "own-secrets",
    "protected-secrets",
    "self-service",
    "self-service-authorizedkeys",
    "usage",
  ]);
  await expectWorks();
});

test("a rollback takes them away again, and the operator works", async () => {
  await expectDone(helm(["rollback", RELEASE, "1", "--namespace", OPERATOR_NAMESPACE]));
  await expectPolicies([]);
  await expectWorks();
});

test("when the release is uninstalled, keys log in that did before, and their SSHKeys stay", async () => {
  await expectDone(helm(["uninstall", RELEASE, "--namespace", OPERATOR_NAMESPACE]));
  await eventually("the operator's pods are gone", async () => {
    return (await kubectl(["get", "pods", "--namespace", OPERATOR_NAMESPACE, "-o=name"])) === "";
  });
  await refreshPods(NAMESPACE);
  expect(await pod.login(key)).toMatchObject({ accepted: true });
  expect(await kubectl(["get", SSHKEYS, "key", "--namespace", NAMESPACE, "-o=name"])).toContain("/key");
});

async function upgrade(values: object): Promise<void> {
  const command = ["upgrade", "--install", "--take-ownership", "--force-conflicts"];
  const release = { name: RELEASE, namespace: OPERATOR_NAMESPACE, values: { ...values, image: image() } };
  await expectDone(helmRelease(command, release));
}

async function expectDone(finished: Promise<Finished>): Promise<void> {
  expect(await finished).toMatchObject({ code: 0, stderr: "" });
}

/** A key gets in, and out again. */
async function expectWorks(): Promise<void> {
  await waitForOperator();
  const name = `other-${process.hrtime.bigint()}`;
  const other = await pod.admit(name);
  await kubectl(["delete", SSHKEYS, name, "--namespace", NAMESPACE]);
  await eventually("the other key is refused", async () => {
    await refreshPods(NAMESPACE);
    return !(await pod.login(other)).accepted;
  });
  expect(await pod.login(key)).toMatchObject({ accepted: true });
}

async function expectPolicies(names: readonly string[]): Promise<void> {
  const found = await kubectl(["get", POLICIES, "-o=jsonpath={.items[*].metadata.name}"]);
  const own = found.split(" ").filter((name) => name.startsWith(`${RELEASE}-`));
  expect(own.sort()).toEqual(names.map((name) => `${RELEASE}-${name}`));
}
