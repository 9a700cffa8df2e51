import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { inGroups } from "../cluster/inturns.ts";
import { Bastion, share } from "../operator/authorizedkeys/bastion.ts";
import { freshKey } from "../operator/publickeys.ts";
import type { Tenant } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import type { Fault } from "./faultproxy.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";

let arena: Arena;

beforeAll(async () => {
  arena = await Arena.open();
});

// A fresh process each: after several failures in a row a reflector waits up to half a minute.
beforeEach(async () => {
  await arena.run();
});

afterEach(() => {
  arena.proxy.thaw();
});

afterAll(async () => {
  await arena.close();
});

const RESOURCES = ["sshkeys", "secrets", "authorizedkeys", "namespaces"] as const;

const status = (code: number, reason: string) =>
  `${JSON.stringify({ type: "ERROR", object: { kind: "Status", apiVersion: "v1", code, reason, message: "" } })}\n`;
const bookmark = (resourceVersion: string) =>
  `${JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion } } })}\n`;

/** What happens to the running watches on one resource. */
const STRIKES: readonly (readonly [name: string, strike: (resource: string) => void])[] = [
  ["is cut", (resource) => arena.proxy.cut(resource)],
  ["is cut within a line", (resource) => arena.proxy.cut(resource, '{"type":"DELETED","object":{"meta')],
  ["brings a line that is no JSON", (resource) => arena.proxy.write(resource, "<html>\n")],
  ["brings an event of unknown type", (resource) => arena.proxy.write(resource, '{"type":"MOVED"}\n')],
  [
    "brings an object without metadata",
    (resource) => arena.proxy.write(resource, '{"type":"DELETED","object":{}}\n'),
  ],
  ["brings 410 Expired", (resource) => arena.proxy.write(resource, status(410, "Expired"))],
  ["brings 500 InternalError", (resource) => arena.proxy.write(resource, status(500, "InternalError"))],
  ["brings 504 Timeout", (resource) => arena.proxy.write(resource, status(504, "Timeout"))],
  ["brings 403 Forbidden", (resource) => arena.proxy.write(resource, status(403, "Forbidden"))],
  ["brings an error without a status", (resource) => arena.proxy.write(resource, '{"type":"ERROR"}\n')],
  ["goes back in time", (resource) => arena.proxy.write(resource, bookmark("1"))],
  ["is refused 410 when it is taken up again", (resource) => refuseNext(resource, 410)],
  ["is refused 404 when it is taken up again", (resource) => refuseNext(resource, 404)],
  ["is refused 500 when it is taken up again", (resource) => refuseNext(resource, 500)],
];

describe.each(RESOURCES)("a watch on %s", (resource) => {
  test.each(STRIKES)("that %s loses nothing", async (_, strike) => {
    const [tenant, guest] = [await arena.tenant(), await arena.tenant()];
    const bastion = new Bastion(await arena.tenant());
    const [one, two, three] = [freshKey(), freshKey(), freshKey()];
    await tenant.create("one", { user: "alice", key: one });
    await tenant.create("other", { user: "bob", key: two });
    await guest.create("guest", { user: "carol", key: three });
    await Promise.all([tenant, guest].map((source) => share(source, bastion.tenant.namespace)));
    const from = [tenant, guest].map(({ namespace }) => ({ namespace }));
    await bastion.create("hop", { from, layout: "SingleFile" });
    await bastion.create("jump", { from, layout: "SingleFile" });
    const before = [tenant.line("one", one), tenant.line("other", two), guest.line("guest", three)];
    const all = before.sort((a, b) => (sourceOf(a) < sourceOf(b) ? -1 : 1));
    await Promise.all(["hop", "jump"].map((name) => bastion.untilFiles(name, { authorized_keys: all })));
    await arena.untilQuiet();
    strike(resource);
    await tenant.create("two", { user: "bob", key: one });
    await tenant.remove("one");
    await tenant.removeSecret("sshkeys-bob");
    await share(guest, undefined);
    await bastion.edit("hop", { options: ["restrict"] });
    await bastion.remove("jump");
    const lines = [tenant.line("other", two), tenant.line("two", one)];
    await tenant.untilFile("sshkeys-bob", lines);
    await tenant.untilFile("sshkeys-alice", []);
    await tenant.until("two", "Projected");
    await bastion.untilFiles("hop", { authorized_keys: lines.map((line) => `restrict ${line}`) });
    await bastion.untilFiles("jump", { authorized_keys: [] });
  });
});

describe("a watch on sshkeys that leaves events out", () => {
  test("and shows an SSHKey made anew as a change takes the new one for what it is", async () => {
    const tenant = await arena.tenant();
    const key = freshKey();
    await tenant.create("one", { user: "alice", key });
    await tenant.until("one", "Projected");
    arena.proxy.filter = (line) =>
      line.startsWith('{"type":"DELETED"') ? [] : [line.replace("ADDED", "MODIFIED")];
    await tenant.remove("one");
    await tenant.create("one", { user: "bob", key });
    await tenant.untilFile("sshkeys-alice", []);
    await tenant.untilFile("sshkeys-bob", [tenant.line("one", key)]);
  });

  test("finds out at the next list what was deleted", async () => {
    const tenant = await arena.tenant();
    const key = freshKey();
    await tenant.create("one", { user: "alice", key });
    await tenant.until("one", "Projected");
    arena.proxy.filter = () => [];
    await tenant.remove("one");
    arena.proxy.thaw();
    arena.proxy.write("sshkeys", status(410, "Expired"));
    await tenant.untilFile("sshkeys-alice", []);
  });

  test("and repeats all that it ever said ends where things stand", async () => {
    const tenant = await arena.tenant();
    const said: string[] = [];
    arena.proxy.filter = (line, { resource }) => {
      if (resource === "sshkeys") said.push(line);
      return [line];
    };
    const [one, two] = [freshKey(), freshKey()];
    await tenant.create("one", { user: "alice", key: one });
    await tenant.until("one", "Projected");
    await tenant.edit("one", { key: two });
    await tenant.untilFile("sshkeys-alice", [tenant.line("one", two)]);
    await tenant.edit("one", { disabled: true });
    await tenant.untilFile("sshkeys-alice", []);
    await tenant.until("one", "Disabled");
    await arena.untilSilent();
    const writes = arena.proxy.requests.filter(isWrite).length;
    const watches = arena.proxy.requests.length;
    arena.proxy.write("sshkeys", said.map((line) => `${line}\n`).join(""));
    await eventually("the list is read again", () =>
      arena.proxy.requests
        .slice(watches)
        .some(({ verb, resource }) => verb === "list" && resource === "sshkeys"),
    );
    await arena.untilQuiet();
    expect(arena.proxy.requests.filter(isWrite).slice(writes)).toEqual([]);
    await tenant.untilFile("sshkeys-alice", []);
  });
});

describe("a list of several pages", () => {
  const isPage = ({ verb, resource }: ProxiedRequest) => verb === "page" && resource === "sshkeys";
  const FAILURES: readonly (readonly [name: string, fault: Fault])[] = [
    ["fails", { kind: "answer", status: 500 }],
    ["is lost on the way", { kind: "lose" }],
    ["is asked for with a token that has expired", { kind: "answer", status: 410 }],
    ["is no list", { kind: "answer", status: 200, body: '{"kind":"Status"}' }],
  ];
  let tenant: Tenant;
  const key = freshKey();

  beforeAll(async () => {
    await arena.run();
    tenant = await arena.tenant();
    // Names sort behind those of the first page.
    await tenant.create("zz", { user: "alice", key });
    await tenant.until("zz", "Projected");
    const fillers = Array.from({ length: 510 }, (_, index) => `filler-${index}`);
    await inGroups(fillers, 32, (name) => tenant.create(name, { user: "bob", key, disabled: true }));
    await tenant.until("filler-509", "Disabled");
    await arena.untilQuiet();
  });

  test.each(FAILURES)("of which one %s revokes nothing and writes nothing", async (_, fault) => {
    await arena.stage.rest();
    const before = arena.proxy.requests.length;
    const failed = arena.proxy.inject(isPage, fault, 2);
    await arena.run();
    expect(failed.hits).toBe(2);
    await arena.untilQuiet();
    expect(arena.proxy.requests.slice(before).filter(isWrite)).toEqual([]);
    await tenant.untilFile("sshkeys-alice", [tenant.line("zz", key)]);
  });
});

test("no write on the way broke a guarantee", async () => {
  const { breaches, secretWrites, sharedSecretWrites } = await arena.judge(10_000);
  expect(breaches).toEqual([]);
  expect(secretWrites).toBeGreaterThan(50);
  expect(sharedSecretWrites).toBeGreaterThan(50);
});

function refuseNext(resource: string, code: number): void {
  const isWatch = (request: ProxiedRequest) => request.verb === "watch" && request.resource === resource;
  arena.proxy.inject(isWatch, { kind: "answer", status: code });
  arena.proxy.cut(resource);
}

/** NAMESPACE/NAME of its SSHKey. */
function sourceOf(line: string): string {
  return line.split(" ").at(-1) ?? "";
}
