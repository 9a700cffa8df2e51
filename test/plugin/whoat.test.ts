import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Stage } from "../operator/stage.ts";
import type { Tenant } from "../operator/tenant.ts";
import { plugin } from "./plugin.ts";

const KEY = freshKey();
const FINGERPRINT = fingerprintSHA256(Buffer.from(KEY.split(" ")[1] ?? "", "base64"));

let stage: Stage;
let tenant: Tenant;
let log: string;
/** When the key was in the Secret, and when no more. */
let during: string;
let after: string;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  tenant = await stage.tenant();
  await tenant.create("alice-laptop", { user: "alice", key: KEY });
  await tenant.until("alice-laptop", "Projected");
  const added = await changeOf("added");
  await eventually("the next millisecond", () => Date.now() > Date.parse(added) + 1);
  during = new Date().toISOString();
  await tenant.remove("alice-laptop");
  after = await changeOf("removed");
  log = (await stage.operator.log()).map((line) => `${JSON.stringify(line)}\n`).join("");
});

afterAll(async () => {
  await stage?.rest();
  await stage?.cluster.stop();
});

/** When the operator logged it. */
async function changeOf(change: string): Promise<string> {
  return await eventually(`AccessChanged ${change}`, async () => {
    const lines = await stage.operator.log();
    const line = lines.find((each) => each.event === "AccessChanged" && each.change === change);
    if (line === undefined) throw new Error("not yet");
    return String(line.time);
  });
}

async function whoAt(at: string, ...args: readonly string[]) {
  return await plugin(["who", "--at", at, "--log", "-", ...args], { input: log });
}

describe("by the operator's own log", () => {
  test("a key could log in while it was in the Secret", async () => {
    const { code, stdout } = await whoAt(during, "-o", "json");
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        at: during,
        access: [
          {
            namespace: tenant.namespace,
            secret: "sshkeys-alice",
            user: "alice",
            fingerprint: FINGERPRINT,
            sshKeyNamespace: tenant.namespace,
            sshKey: "alice-laptop",
            since: expect.stringMatching(/Z$/),
          },
        ],
      },
    ]);
  });

  test("and no more when it was taken out", async () => {
    const { code, stdout, stderr } = await whoAt(after);
    expect([code, stdout, stderr]).toEqual([
      1,
      "",
      expect.stringMatching(/^Nobody, as far as the log tells/),
    ]);
  });

  test("people see a table, and on standard error what the log cannot tell", async () => {
    const { stdout, stderr } = await whoAt(during);
    expect(stdout.split("\n")[0]?.split(/ {2,}/)).toEqual([
      "SECRET",
      "LOGIN",
      "USER",
      "FINGERPRINT",
      "SSHKEY",
      "SINCE",
    ]);
    expect(stdout).toContain(FINGERPRINT);
    expect(stderr).toMatch(/^The log begins at /);
  });

  test.each([
    ["this key", () => [KEY], 0],
    ["another key", () => [freshKey()], 1],
    ["its namespace", () => ["-n", tenant.namespace], 0],
    ["another namespace", () => ["-n", "elsewhere"], 1],
  ])("of %s alone", async (_, args, expected) => {
    expect((await whoAt(during, ...args())).code).toBe(expected);
  });
});

describe("what cannot be done is said in a sentence:", () => {
  test.each([
    [["--at", "yesterday", "--log", "-"], "as RFC 3339 writes them"],
    [["--at", "2026-01-01T00:00:00Z"], "--at needs the operator's log"],
    [["--at", "2026-01-01T00:00:00Z", "--log", "-"], "has no line AccessChanged"],
    [
      ["--at", "2026-01-01T00:00:00Z", "--log", "-", `MD5:${"aa:".repeat(15)}aa`],
      "names keys by SHA256 only",
    ],
  ])("%j", async (args, text) => {
    const { code, stdout, stderr } = await plugin(["who", ...args], {});
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(text)]);
  });
});

test("what a line calls a Secret stays one line of what is said", async () => {
  const more = { event: "AccessChanged", time: "2026-01-01T00:00:00Z", change: "more", secret: "s" };
  const input = [
    { ...more, namespace: "a\nerror: b" },
    { ...more, namespace: {} },
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
  const { stderr } = await plugin(["who", "--at", "2026-02-01T00:00:00Z", "--log", "-"], { input });
  expect(stderr).toContain("of Secret aerror: b/s than the log names");
  expect(stderr).not.toMatch(/^error|object Object/m);
});
