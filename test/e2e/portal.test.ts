import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { Visitor } from "../portal/visitor.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { kubectl, refreshPods, SSHKEYS } from "./kubernetes.ts";
import { installOperator, OPERATOR_NAMESPACE } from "./operator.ts";
import { PodIssuer } from "./podissuer.ts";
import { IN_NAMESPACE, installPortal, PORTAL, PUBLIC_URL, portalPods, uninstallPortal } from "./portal.ts";
import { PortForward } from "./portforward.ts";
import { SSHDPod } from "./sshdpod.ts";

const NAMESPACE = "e2e-portal";

let pod: SSHDPod;
let issuer: PodIssuer;
let replicas: readonly { readonly name: string; readonly forward: PortForward }[];

beforeAll(async () => {
  const callback = new URL("callback", PUBLIC_URL).href;
  [pod, issuer] = await Promise.all([
    SSHDPod.start(NAMESPACE),
    PodIssuer.start(callback, process.env.E2E_OPERATOR_IMAGE ?? ""),
  ]);
  await installPortal(NAMESPACE, issuer);
  const forward = (name: string) => PortForward.start(OPERATOR_NAMESPACE, `pod/${name}`, "http");
  const names = await portalPods();
  replicas = await Promise.all(names.map(async (name) => ({ name, forward: await forward(name) })));
});

afterAll(async () => {
  await Promise.all(replicas.map(({ forward }) => forward.stop()));
  await uninstallPortal();
  await Promise.all([pod.stop(), issuer.stop(), installOperator()]);
});

describe("the portal's pods", () => {
  test("run as a user that is not root", async () => {
    expect(await inEach("process.getuid()")).toEqual(["65532", "65532"]);
  });

  test("cannot write to their root file system", async () => {
    await expect(inEach("fs.writeFileSync('/sshkey-operator/x', '')")).rejects.toThrow("EROFS");
  });

  test("are reached by their Service", async () => {
    const path = `/api/v1/namespaces/${OPERATOR_NAMESPACE}/services/${PORTAL}:http/proxy/readyz`;
    expect(await kubectl(["get", "--raw", path])).toBe("ok");
  });
});

describe("a person who signs in", () => {
  let alice: Visitor;
  let key: KeyPair;

  beforeAll(async () => {
    alice = new Visitor(urlOf(0), new URL(PUBLIC_URL).origin);
    key = await pod.keyPair("laptop");
    const begun = await alice.send("/sign-in?to=/keys");
    const back = await issuer.signIn(begun.headers.get("location") ?? "", "alice");
    const { text } = await alice.open(back.pathname + back.search);
    if (!text.includes("Signed in as alice")) throw new Error(text);
  });

  test("adds a key, and logs in with it", async () => {
    const { text } = await alice.submit("/keys/new", "/keys/new", { key: key.publicKey, title: "Laptop" });
    expect(text).toContain("Key Laptop successfully added.");
    await untilRefreshed("the key logs in", async () => (await pod.login(key)).accepted);
  });

  test("sees at the other replica that it works, and that one pod uses it", async () => {
    const { text } = await alice.open(urlOf(1) + (await pathOfKey()));
    const pods = /<dt>Used by pods<\/dt><dd>([^<]*)/.exec(text)?.[1];
    expect([text.includes(">Projected<"), pods]).toEqual([true, "1 pod"]);
  });

  test("deletes it and logs in no more, and the file that sshd reads is empty", async () => {
    const path = `${await pathOfKey()}/delete`;
    const { text } = await alice.submit(path, path);
    expect(text).toContain("SSH key Laptop successfully deleted.");
    await untilRefreshed("the key is refused", async () => !(await pod.login(key)).accepted);
    const cat = ["exec", "deployment/bastion", "--namespace", NAMESPACE, "--", "cat", "/keys/alice"];
    expect(await kubectl(cat)).toBe("");
  });
});

test("a rollout cuts off none who ask by the Service, and leaves no request without an answer", async () => {
  const service = ["get", "service", PORTAL, ...IN_NAMESPACE, "-o=jsonpath={.spec.clusterIP}"];
  const asking = issuer.runBeside(ASK, await kubectl(service));
  const answers = () => asking.output().split(".").length - 1;
  await eventually("they are at it", () => answers() > 0);
  await kubectl(["rollout", "restart", `deployment/${PORTAL}`, ...IN_NAMESPACE]);
  await kubectl(["rollout", "status", `deployment/${PORTAL}`, ...IN_NAMESPACE, "--timeout=300s"]);
  const old = replicas.map(({ name }) => name);
  const newOnly = async () => (await portalPods()).every((name) => !old.includes(name));
  await eventually("the old pods are gone", newOnly);
  const before = answers();
  await eventually("they still get answers", () => answers() > before);
  await asking.stop();
  expect(asking.output().replaceAll(".", "")).toBe("");
});

/** Four clients that ask without a pause, by connections that they keep. Prints a dot for 100 answers, and each failure. */
const ASK = `
const { Agent, get } = require("node:http");
const asked = { host: process.argv[1], path: "/healthz", agent: new Agent({ keepAlive: true }) };
let answers = 0;
const ask = () => {
  const request = get(asked, (response) => {
    if (response.statusCode !== 200) console.log(response.statusCode);
    response.resume().on("end", () => {
      answers += 1;
      if (answers % 100 === 0) process.stdout.write(".");
      setTimeout(ask, 2);
    });
  });
  request.on("error", ({ code }) => {
    console.log(code, request.reusedSocket ? "on a kept connection" : "on a new connection");
    setTimeout(ask, 100);
  });
};
for (let client = 0; client < 4; client += 1) ask();
`;

function urlOf(replica: 0 | 1): string {
  return `http://127.0.0.1:${replicas[replica]?.forward.port}`;
}

async function pathOfKey(): Promise<string> {
  const path = "-o=jsonpath={.items[*].metadata.name}";
  return `/keys/${await kubectl(["get", SSHKEYS, "--namespace", NAMESPACE, path])}`;
}

/** What the shipped image evaluates in the container of each replica. */
async function inEach(expression: string): Promise<string[]> {
  const command = [...IN_NAMESPACE, "--", "/nodejs/bin/node", "--print", expression];
  return await Promise.all(replicas.map(({ name }) => kubectl(["exec", name, ...command])));
}

/** Resolves when it is so; has kubelet bring what has changed meanwhile. */
async function untilRefreshed(what: string, isSo: () => Promise<boolean>): Promise<void> {
  await eventually(what, async () => {
    await refreshPods(NAMESPACE);
    return await isSo();
  });
}
