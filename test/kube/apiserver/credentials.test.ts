import { chmodSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Transport } from "../../../src/kube/transport.ts";
import { type Cluster, startCluster } from "../../cluster/cluster.ts";
import { eventually } from "../../cluster/eventually.ts";
import { credentialsFixture } from "../credentialsfixture.ts";
import { json, kubeconfigText, startServerForTest } from "../localserver.ts";

const { dir, write, open } = credentialsFixture();

import { startConnectProxy, startSocksProxy } from "../proxies.ts";

let cluster: Cluster;
let server: string;
let ca: Buffer;
let admin: string;

beforeAll(async () => {
  cluster = await startCluster();
  server = cluster.controlPlane.server;
  const { stdout } = await cluster.kubectl(["config", "view", "--raw", "--flatten", "-o", "json"]);
  const view = JSON.parse(stdout) as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  };
  ca = Buffer.from(view.clusters[0]?.cluster["certificate-authority-data"] ?? "", "base64");
  admin = view.users[0]?.user.token ?? "";
});

afterAll(() => cluster.stop());

afterEach(() => {
  vi.unstubAllEnvs();
});

const kubeconfig = (user: object, more: object = {}) => {
  write("ca.crt", ca);
  return write("kubeconfig", kubeconfigText(server, user, { "certificate-authority": "ca.crt", ...more }));
};

const asAdmin = (more: object = {}) => kubeconfig({ token: admin }, more);

const list = { method: "GET", path: "/api/v1/namespaces" } as const;

const whoAmI = async (transport: Transport): Promise<unknown> => {
  const answer = await transport.request<{ status: { userInfo: { username: string } } }>({
    method: "POST",
    path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
  });
  return answer.status.userInfo.username;
};

/** A service account and a token of its. */
const account = async () => {
  const namespace = await cluster.namespace();
  await cluster.request("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, {
    metadata: { name: "sa" },
  });
  const { stdout } = await cluster.kubectl(["create", "token", "sa", "-n", namespace]);
  return { token: stdout.trim(), username: `system:serviceaccount:${namespace}:sa` };
};

/** The headers that a user's requests carry, as a plain server sees them. */
const headersFor = async (user: object) => {
  const local = await startServerForTest(
    (request, response) => json(response, 200, request.headersDistinct),
    { user },
  );
  return await local.transport.request<Record<string, string[]>>({ method: "GET", path: "/" });
};

describe("a real API server takes", () => {
  test("a token", async () => {
    const { token, username } = await account();
    expect(await whoAmI(open({ kubeconfig: kubeconfig({ token }) }).transport)).toBe(username);
  });

  test("a token from a file beside the kubeconfig, read again after it was refused", async () => {
    const { token, username } = await account();
    write("token", "stale\n");
    const { transport } = open({ kubeconfig: kubeconfig({ tokenFile: "token" }) });
    await expect(whoAmI(transport)).rejects.toMatchObject({ code: "Unauthorized" });
    write("token", `${token}\n`);
    expect(await eventually("the new token is taken", () => whoAmI(transport))).toBe(username);
  });

  test("the token of the pod's service account, also after it was rotated", async () => {
    const { token, username } = await account();
    const { hostname, port } = new URL(server);
    vi.stubEnv("KUBECONFIG", "");
    vi.stubEnv("KUBERNETES_SERVICE_HOST", hostname);
    vi.stubEnv("KUBERNETES_SERVICE_PORT", port);
    write("var/run/secrets/kubernetes.io/serviceaccount/ca.crt", ca);
    write("var/run/secrets/kubernetes.io/serviceaccount/token", "stale");
    const { transport, credentials } = open({ serviceAccountRoot: dir() });
    await credentials.current();
    write("var/run/secrets/kubernetes.io/serviceaccount/token", token);
    expect(await whoAmI(transport)).toBe(username);
  });

  test("the certificate for the name in tls-server-name, and no other", async () => {
    const right = open({ kubeconfig: asAdmin({ "tls-server-name": "kubernetes.default.svc" }) });
    expect(await right.transport.request(list)).toMatchObject({ kind: "NamespaceList" });
    const wrong = open({ kubeconfig: asAdmin({ "tls-server-name": "wrong.example" }) });
    await expect(wrong.transport.request(list)).rejects.toMatchObject({ code: "Unreachable" });
  });

  test("no connection from a client that does not know its authority, unless told to skip the check", async () => {
    const unknown = open({ kubeconfig: asAdmin({ "certificate-authority": undefined }) });
    await expect(unknown.transport.request(list)).rejects.toMatchObject({ code: "Unreachable" });
    const skip = open({
      kubeconfig: asAdmin({ "certificate-authority": undefined, "insecure-skip-tls-verify": true }),
    });
    expect(await skip.transport.request(list)).toMatchObject({ kind: "NamespaceList" });
  });

  test("a context without a user as anonymous, its authority checked all the same", async () => {
    write("ca.crt", ca);
    const file = write(
      "kubeconfig",
      JSON.stringify({
        clusters: [{ name: "c", cluster: { server, "certificate-authority": "ca.crt" } }],
        contexts: [{ name: "x", context: { cluster: "c" } }],
        "current-context": "x",
      }),
    );
    expect(
      await open({ kubeconfig: file }).transport.request({ method: "GET", path: "/version" }),
    ).toMatchObject({ major: "1" });
  });

  test.each([
    ["an HTTP proxy", startConnectProxy],
    ["a SOCKS5 proxy", startSocksProxy],
  ])("requests through %s, many over one tunnel", async (_, startProxy) => {
    const proxy = await startProxy();
    onTestFinished(() => proxy.stop());
    const { transport } = open({ kubeconfig: asAdmin({ "proxy-url": proxy.url }) });
    for (let sent = 0; sent < 10; sent += 1) {
      expect(await transport.request(list)).toMatchObject({ kind: "NamespaceList" });
    }
    expect(proxy.tunnels).toBeGreaterThan(0);
    expect(proxy.tunnels).toBeLessThanOrEqual(2);
  });
});

describe("a request carries", () => {
  test("name and password", async () => {
    const { authorization } = await headersFor({ username: "me", password: "p:w" });
    expect(authorization).toEqual([`Basic ${Buffer.from("me:p:w").toString("base64")}`]);
  });

  test("every kind of impersonation", async () => {
    const headers = await headersFor({
      as: "her",
      "as-uid": "42",
      "as-groups": ["a", "b"],
      "as-user-extra": { "example.dev/scope": ["x"] },
    });
    expect(headers).toMatchObject({
      "impersonate-user": ["her"],
      "impersonate-uid": ["42"],
      "impersonate-group": ["a", "b"],
      "impersonate-extra-example.dev%2fscope": ["x"],
    });
  });
});

describe("a credential plugin", () => {
  const plugin = () => {
    const script = `#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >> ${dir()}/calls
echo '{"kind":"ExecCredential","status":{"token":"'$(cat ${dir()}/answer)'"}}'
`;
    chmodSync(write("bin/plugin", script), 0o755);
    return { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "./bin/plugin" } };
  };
  const calls = () => readFileSync(join(dir(), "calls"), "utf8").trim().split("\n");

  test("is found beside the kubeconfig, told which version to answer in, and run once for many requests", async () => {
    const { token, username } = await account();
    write("answer", token);
    const { transport } = open({ kubeconfig: kubeconfig(plugin()), maxAgeMs: 0 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => whoAmI(transport)));
    expect(new Set(answers)).toEqual(new Set([username]));
    expect(await whoAmI(transport)).toBe(username);
    expect(calls().map((line) => JSON.parse(line))).toEqual([
      { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", spec: { interactive: false } },
    ]);
  });

  test("is run again after its token was refused, once for all requests that were", async () => {
    const { token, username } = await account();
    write("answer", "stale");
    const { transport, credentials } = open({ kubeconfig: kubeconfig(plugin()) });
    await credentials.current();
    write("answer", token);
    const answers = await Promise.all(Array.from({ length: 20 }, () => whoAmI(transport)));
    expect(new Set(answers)).toEqual(new Set([username]));
    expect(calls()).toHaveLength(2);
  });

  test("that fails is named by its kubeconfig, and nothing it prints is repeated", async () => {
    chmodSync(write("bin/plugin", "#!/bin/sh\necho secret-token >&2; exit 1\n"), 0o755);
    const file = kubeconfig({
      exec: { apiVersion: "client.authentication.k8s.io/v1", command: "./bin/plugin" },
    });
    const failure = await open({ kubeconfig: file })
      .transport.request(list)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "CredentialsFailed", message: expect.stringContaining(file) });
    expect(String(failure)).not.toContain("secret-token");
  });
});

describe("credentials", () => {
  test("keep their connections while nothing changes", async () => {
    const { credentials } = open({ kubeconfig: asAdmin(), maxAgeMs: 0 });
    const before = await credentials.current();
    expect((await credentials.current()).agent).toBe(before.agent);
  });

  test("follow the kubeconfig to another server", async () => {
    const { transport } = open({ kubeconfig: asAdmin(), maxAgeMs: 0 });
    await transport.request(list);
    const local = await startServerForTest((_, response) => json(response, 200, "elsewhere"));
    write("kubeconfig", kubeconfigText(local.url));
    expect(await transport.request(list)).toBe("elsewhere");
  });

  test("are not read for each request", async () => {
    const { credentials } = open({ kubeconfig: asAdmin() });
    const first = await credentials.current();
    rmSync(join(dir(), "kubeconfig"));
    expect(await credentials.current()).toBe(first);
  });
});
