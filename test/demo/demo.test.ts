import { rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../controlplane/controlplane.ts";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { openTheatre, type Performance, type Theatre } from "./theatre.ts";

/** How long the whole demo may take on a busy machine, in ms. */
const DEMO_MS = 500_000;

let theatre: Theatre;

beforeEach(async () => {
  theatre = await openTheatre();
});

afterEach(async () => {
  await theatre.close();
});

function startDemo(exit: "0" | "1", more: NodeJS.ProcessEnv = {}): Performance {
  return theatre.start("demo/main.ts", { ...more, DEMO_EXIT: exit });
}

describe("the demo", () => {
  test("leaves nothing behind when it is interrupted in the middle", async () => {
    const demo = startDemo("1");
    await eventually("keys are applied", () => demo.seen().includes("alice-laptop created"));
    demo.interrupt();
    expect(await demo.ended).toEqual({ code: 130, signal: null });
    await theatre.isEmpty();
  });

  test("leaves nothing behind when it is interrupted before the API server is up", async () => {
    const demo = startDemo("1");
    await eventually("a process is started", async () => (await theatre.processes()).length > 1);
    demo.interrupt();
    expect(await demo.ended).toEqual({ code: 130, signal: null });
    await theatre.isEmpty();
  });

  test("shows every step, stays up to be played with until it is interrupted, and leaves nothing behind", async () => {
    const demo = startDemo("0");
    await eventually(
      "it says that it stays up",
      () => demo.seen().includes("until you press Ctrl-C"),
      DEMO_MS,
    );
    expect(demo.seen().split("\n")).toEqual(expect.arrayContaining(KEY_LINES));
    expect(demo.seen()).not.toContain("\u001b");
    const [kubeconfig, path] = [/export KUBECONFIG=(\S+)/, /export PATH="(.+):\$PATH"/].map(
      (pattern) => pattern.exec(demo.seen())?.[1] ?? "",
    );
    const PATH = `${path}${delimiter}${process.env.PATH}`;
    const KUBECACHEDIR = join(theatre.folder, "cache");
    const env = { ...process.env, PATH, KUBECONFIG: kubeconfig, KUBECACHEDIR };
    const { stdout } = await run("kubectl", ["get", "sshkeys", "-A"], { env });
    await rm(KUBECACHEDIR, { recursive: true });
    const portal = /^ {2}(http:\S+)$/m.exec(demo.seen())?.[1] ?? "";
    const page = await (await fetch(`${portal}keys`)).text();
    demo.interrupt();
    expect(stdout).toMatch(/team-a +alice-laptop .*Projected/);
    expect(page).toMatch(/Signed in as alice[\s\S]*Alice&#39;s laptop/);
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    await theatre.isEmpty();
  });
});

describe("in somebody's cluster the demo", () => {
  let somebodys: ControlPlane;

  beforeAll(async () => {
    somebodys = await startControlPlane({ controllerManager: true });
  });

  afterAll(async () => {
    await somebodys.stop();
  });

  test("ends with 0 when every step was shown, and removes what it has made", async () => {
    const before = await objects(somebodys);
    const demo = startDemo("1", inCluster(somebodys));
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    expect(demo.seen().split("\n")).toEqual(expect.arrayContaining(KEY_LINES));
    expect(await objects(somebodys)).toBe(before);
    await theatre.isEmpty();
  });

  test("removes what it has made when it is interrupted", async () => {
    const before = await objects(somebodys);
    const demo = startDemo("1", inCluster(somebodys));
    await eventually("keys are applied", () => demo.seen().includes("alice-laptop created"));
    demo.interrupt();
    expect(await demo.ended).toEqual({ code: 130, signal: null });
    expect(await objects(somebodys)).toBe(before);
    await theatre.isEmpty();
  });

  test("does not begin when the namespace is in use", async () => {
    await kubectl(somebodys, "create", "namespace", "team-a");
    const before = await objects(somebodys);
    const demo = startDemo("1", inCluster(somebodys));
    expect(await demo.ended).toEqual({ code: 1, signal: null });
    expect(demo.seen()).toContain("has namespace/team-a already");
    expect(await objects(somebodys)).toBe(before);
  });
});

const KEY_LINES = [
  "  sshkey.sshkey-operator.dev/alice-laptop created",
  expect.stringMatching(
    /^ {2}alice-laptop +alice +ssh-ed25519 +256 +SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1\+1HJ3Vho\/hAtKEg +Projected/,
  ),
  expect.stringMatching(/^ {2}bob-workstation +bob +ssh-rsa +3072 +SHA256:\S{43} +Projected/),
  expect.stringMatching(/^ {2}carol-desktop +carol +Invalid/),
  expect.stringMatching(/^ +Warning +Invalid .*The key ends too early; copy the whole line again\./),
  "  ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ team-a/alice-laptop",
  expect.stringMatching(/^ {2}bob-laptop +bob .*Duplicate/),
  expect.stringContaining("this holds a private key. It was not stored"),
  expect.stringMatching(/^ {2}\d+s +Warning +SecretRestored +secret\/sshkeys-alice/),
  expect.stringMatching(/^ {2}- ssh-ed25519 \S+ team-a\/alice-tablet$/),
  expect.stringMatching(/^ {2}NotShared: Namespace team-a does not share its keys with bastion/),
  expect.stringMatching(/^ {2}restrict,pty ssh-ed25519 \S+ team-a\/alice-laptop$/),
  expect.stringMatching(/^ {2}expiry-time="\d{14}Z" ssh-ed25519 \S+ team-a\/dana-contractor$/),
  expect.stringMatching(/^ {2}dana-contractor .*Expired/),
  expect.stringMatching(
    /"event":"AccessChanged".*"change":"removed".*"sshKey":"alice-tablet","reason":"Deleted"/,
  ),
  expect.stringMatching(/^ {2}It is at http:\/\/127\.0\.0\.1:\d+\//),
  expect.stringMatching(/^Every step showed what it should/),
];

function inCluster({ kubeconfig, kubectl: binary }: ControlPlane): NodeJS.ProcessEnv {
  const path = `${dirname(binary)}${delimiter}${process.env.PATH}`;
  return { USE_EXISTING_CLUSTER: "true", KUBECONFIG: kubeconfig, PATH: path };
}

/** The names of what the demo could leave in a cluster. */
async function objects(cluster: ControlPlane): Promise<string> {
  const crds = ["sshkeys", "authorizedkeys"].map(
    (each) => `customresourcedefinition/${each}.sshkey-operator.dev`,
  );
  const own = ["namespace/team-a", "namespace/bastion", ...crds];
  const named = await kubectl(cluster, "get", ...own, "--ignore-not-found", "-o", "name");
  return named + (await kubectl(cluster, "get", "leases,secrets", "-n", "default", "-o", "name"));
}

async function kubectl({ kubectl: binary, kubeconfig }: ControlPlane, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(binary, args, {
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}
