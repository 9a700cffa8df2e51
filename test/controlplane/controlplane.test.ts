import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../controlplane/controlplane.ts";
import { eventually } from "../cluster/eventually.ts";
import { runs, withArgument } from "./processes.ts";

const MODULE = join(import.meta.dirname, "..", "..", "controlplane", "controlplane.ts");

let one: ControlPlane;
let other: ControlPlane;

beforeAll(async () => {
  [one, other] = await Promise.all([startControlPlane({ audit: true }), startControlPlane()]);
});

afterAll(async () => {
  await Promise.all([one?.stop(), other?.stop()]);
});

async function kubectl(cluster: ControlPlane, kubeconfig: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const { stdout } = await promisify(execFile)(cluster.kubectl, args, { env });
  return stdout.trim();
}

function admin(cluster: ControlPlane, ...args: string[]): Promise<string> {
  return kubectl(cluster, cluster.kubeconfig, ...args);
}

test("two control planes at once have different ports", () => {
  expect(one.server).not.toBe(other.server);
});

test("what is written to one control plane is not in the other", async () => {
  await admin(one, "create", "configmap", "apart", "--namespace=kube-public");
  const names = await admin(other, "get", "configmaps", "--all-namespaces", "--output=name");
  expect(names).not.toContain("configmap/apart");
});

test("the API server's certificate is verified: another control plane's authority is refused", async () => {
  const mixed = join(one.dir, "mixed.kubeconfig");
  writeFileSync(mixed, readFileSync(one.kubeconfig, "utf8").replace(one.server, other.server));
  await expect(kubectl(one, mixed, "get", "namespaces")).rejects.toThrow(/x509|certificate/);
});

test("a request without credentials is refused", async () => {
  const nobody = await one.tokenKubeconfig({
    namespace: "default",
    serviceAccount: "default",
    token: "wrong",
  });
  await expect(kubectl(one, nobody, "get", "namespaces")).rejects.toThrow(/Unauthorized|logged in/);
});

test("a service account's token is bound by RBAC", async () => {
  await admin(one, "create", "serviceaccount", "somebody", "--namespace=default");
  const token = await admin(one, "create", "token", "somebody", "--namespace=default");
  const file = await one.tokenKubeconfig({ namespace: "default", serviceAccount: "somebody", token });
  const who = await kubectl(one, file, "auth", "whoami", "--output=jsonpath={.status.userInfo.username}");
  expect(who).toBe("system:serviceaccount:default:somebody");
  await expect(kubectl(one, file, "get", "secrets")).rejects.toThrow(/forbidden/i);
});

test("the API server restarts on the same port with its data", async () => {
  await admin(other, "create", "configmap", "kept", "--namespace=default");
  await other.stopApiServer("SIGKILL");
  await expect(admin(other, "get", "namespaces")).rejects.toThrow(/refused/);
  await other.startApiServer();
  expect(await admin(other, "get", "configmap", "kept", "--output=name")).toBe("configmap/kept");
});

test("the API server's process after a restart is the one that control plane names", async () => {
  const before = one.apiserver.pid;
  await one.stopApiServer();
  await one.startApiServer();
  expect([before, one.apiserver.pid].map(runs)).toEqual([false, true]);
});

test("a restart outlasts a stranger that holds the port for a while", async () => {
  await other.stopApiServer("SIGKILL");
  const stranger = createServer().listen(Number(new URL(other.server).port), "127.0.0.1");
  await once(stranger, "listening");
  const before = other.apiserver.pid;
  const restarted = other.startApiServer();
  const refused = other.apiserver;
  expect(refused.pid).not.toBe(before);
  await refused.exited;
  stranger.close();
  await restarted;
  expect(refused.output()).toContain("address already in use");
});

test("the audit log holds the bodies of Secrets and one line for each request", async () => {
  await admin(one, "create", "secret", "generic", "audited", "--namespace=default", "--from-literal=a=b");
  const log = readFileSync(one.auditLog ?? "", "utf8");
  const events = log
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const writes = events.filter((event) => event.verb === "create" && event.objectRef?.resource === "secrets");
  expect(writes.map((event) => event.requestObject.data)).toEqual([{ a: "Yg==" }]);
});

test("SIGKILL of the process that started a control plane leaves no process of it", async () => {
  const program = `
    import { startControlPlane } from ${JSON.stringify(MODULE)};
    const { dir } = await startControlPlane();
    process.stdout.write(dir);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const dir = await new Promise<string>((resolve) =>
    parent.stdout.once("data", (text) => resolve(`${text}`)),
  );
  expect(withArgument(dir)).not.toEqual([]);
  parent.kill("SIGKILL");
  await eventually("no process of it is left", () => withArgument(dir).length === 0);
  rmSync(dir, { recursive: true, force: true });
});

test("a process that exits without stopping its control plane leaves no folder", async () => {
  const program = `
    import { startControlPlane } from ${JSON.stringify(MODULE)};
    const { dir } = await startControlPlane();
    process.stdout.write(dir, () => process.exit(0));`;
  const { stdout: dir } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  await eventually("no process of it is left", () => withArgument(dir).length === 0);
  expect(existsSync(dir)).toBe(false);
});

test("a binary that does not come up is reported with the end of its log and where that is", async () => {
  const assets = mkdtempSync(join(tmpdir(), "assets-"));
  for (const name of ["etcd", "kube-apiserver", "kubectl"]) {
    writeFileSync(join(assets, name), "#!/bin/sh\necho the disk is on fire\nexit 1\n", { mode: 0o755 });
  }
  const program = `
    import { startControlPlane } from ${JSON.stringify(MODULE)};
    await startControlPlane().catch((error) => process.stdout.write(error.message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    env: { ...process.env, KUBEBUILDER_ASSETS: assets, USE_EXISTING_CLUSTER: "" },
  });
  expect(stdout).toMatch(/^etcd ended before it was ready; .*etcd\.log:\nthe disk is on fire$/);
  rmSync(assets, { recursive: true });
});

test("USE_EXISTING_CLUSTER reaches the cluster of KUBECONFIG and starts nothing", async () => {
  const program = `
    import { startControlPlane } from ${JSON.stringify(MODULE)};
    const { server, existing, kubeconfig, stop } = await startControlPlane();
    process.stdout.write(JSON.stringify({ server, existing }));
    await stop();`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    env: { ...process.env, USE_EXISTING_CLUSTER: "true", KUBECONFIG: other.kubeconfig },
  });
  expect(JSON.parse(stdout)).toEqual({ server: other.server, existing: true });
});
