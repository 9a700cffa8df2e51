import { beforeAll, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { kubectl } from "./kubernetes.ts";
import { OPERATOR_NAMESPACE, operatorPods, waitForOperator } from "./operator.ts";

let pod: string;

/** Pods of this file's own, which nothing else has stopped. */
beforeAll(async () => {
  await kubectl(["rollout", "restart", "deployment/sshkey-operator", "--namespace", OPERATOR_NAMESPACE]);
  await waitForOperator();
  pod = (await operatorPods()).at(-1) ?? "";
});

test("the operator runs as a user that is not root", async () => {
  expect(await evaluate("process.getuid()")).toBe("65532");
});

test("the operator cannot write to its root file system", async () => {
  await expect(evaluate("fs.writeFileSync('/sshkey-operator/x', '')")).rejects.toThrow("EROFS");
});

test("the image says its version", async () => {
  const command = ["/nodejs/bin/node", "/sshkey-operator/main.cjs", "--version"];
  expect(await exec(command)).toBe(manifest.version);
});

test("the container was started once", async () => {
  const path = "-o=jsonpath={.status.containerStatuses[*].restartCount}";
  expect(await kubectl(["get", "pod", pod, "--namespace", OPERATOR_NAMESPACE, path])).toBe("0");
});

function evaluate(expression: string): Promise<string> {
  return exec(["/nodejs/bin/node", "--print", expression]);
}

function exec(command: readonly string[]): Promise<string> {
  return kubectl(["exec", pod, "--namespace", OPERATOR_NAMESPACE, "--", ...command]);
}
