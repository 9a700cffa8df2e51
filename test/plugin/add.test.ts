import { rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshProvableKey, proofFor } from "../claims/keypairs.ts";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { freshKey, freshNISTP521Key, freshRSAKey } from "../operator/publickeys.ts";
import { OpenSSH } from "./openssh.ts";
import { Playground, type Team } from "./playground.ts";
import { plugin } from "./plugin.ts";
import { Terminal } from "./terminal.ts";

let playground: Playground;
let team: Team;
let openssh: OpenSSH;

beforeAll(async () => {
  openssh = await OpenSSH.open();
  playground = await Playground.open();
  team = await playground.team();
});

afterAll(async () => {
  await playground?.close();
  await openssh?.close();
});

/** The editor adds this text with these flags; the one SSHKey of the user that it makes. */
async function add(input: string, ...flags: readonly string[]) {
  return await team.as("editor", ["add", "-", ...flags], { input });
}

async function specOf(user: string) {
  const [key] = (await team.list()).filter(({ spec }) => spec.user === user);
  return key?.spec;
}

describe("a key that is added", () => {
  test("works, and one line each says what was made and that it does", async () => {
    const { code, stdout, stderr } = await add(`${freshKey()} alice@laptop\n`, "--user", "alice");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^(\S+) is Projected: .* sshkeys-alice/)]);
    expect(stdout).toMatch(/^sshkey\.sshkey-operator\.dev\/alice-alice-laptop-[0-9a-f]{8} created\n$/);
  });

  test("and is unusual works, and a second line says what to do", async () => {
    const { code, stderr } = await add(freshNISTP521Key(), "--user", "unusual");
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^\S+ is Projected: .*\nThis is advice, and no key is refused for it\. .*\n$/),
    ]);
  });

  test("is the person's own unless it says whose", async () => {
    const { code } = await add(freshKey());
    expect([code, await specOf("editor")]).toEqual([0, expect.objectContaining({ user: "editor" })]);
  });

  test("has the title, options and expiry that were given with it", async () => {
    const key = freshKey();
    const limits = ["--option", "restrict", "--option", 'from="10.0.0.0/8"', "--title", "Desk"];
    const { code } = await add(key, "--user", "bob", ...limits, "--expires-at", "2099-01-31T18:00:00Z");
    expect([code, await specOf("bob")]).toEqual([
      0,
      {
        user: "bob",
        key,
        title: "Desk",
        options: ["restrict", 'from="10.0.0.0/8"'],
        expiresAt: "2099-01-31T18:00:00Z",
      },
    ]);
  });

  test("lives as long as --expires-in says", async () => {
    const before = Date.now();
    await add(freshKey(), "--user", "brief", "--expires-in", "90d");
    const days = (Date.parse((await specOf("brief"))?.expiresAt ?? "") - before) / 86_400_000;
    expect(days).toBeCloseTo(90, 1);
  });

  test("has the proof that was made before", async () => {
    const key = freshProvableKey();
    const file = join(openssh.folder, "proof");
    await writeFile(file, proofFor("prover", key));
    const { code } = await add(key, "--user", "prover", "--proof", file);
    expect([code, (await specOf("prover"))?.proof]).toEqual([0, proofFor("prover", key)]);
  });

  test("has a proof that ssh-keygen makes with the private key beside the .pub file", async () => {
    const { publicFile } = await openssh.newKey("beside", "p@file");
    const { code, stderr } = await team.as("editor", ["add", publicFile, "--user", "quinn", "--prove"]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^signing with .*\/beside\n/)]);
    expect((await specOf("quinn"))?.proof).toContain("BEGIN SSH SIGNATURE");
  });

  test("has a proof that ssh-keygen makes with the key in ssh-agent", async () => {
    const key = await openssh.newKey("proven", "p@agent");
    await openssh.addToAgent(key);
    await rm(key.file);
    const { code, stderr } = await team.as(
      "editor",
      ["add", key.publicFile, "--user", "pat", "--prove", "-o", "json"],
      { env: openssh.env },
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining("Projected")]);
    const [object] = (await team.list()).filter(({ spec }) => spec.user === "pat");
    const proven = object?.status?.conditions?.find(({ type }) => type === "Proven");
    expect(proven?.status).toBe("True");
  });

  test("of which the operator thinks nothing is said to be refused, with the reason and exit code 1", async () => {
    const { code, stderr } = await add(freshRSAKey(1024), "--user", "weak");
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^weak-\S+ is Weak: .*1024/)]);
  });

  test("that is refused stands there, and what takes it back, or proves it, is said", async () => {
    const key = freshKey();
    await add(key, "--user", "first");
    await team.untilYounger();
    const { stderr } = await add(key, "--user", "second", "--name", "second");
    expect(stderr.trimEnd().split("\n").at(-1)).toBe(
      `\`kubectl sshkey prove second --run -n ${team.namespace}\` proves it, with the private key here or in ssh-agent; \`kubectl sshkey delete second -n ${team.namespace}\` takes it back`,
    );
  });

  test("that no proof would help is not told of one", async () => {
    const key = freshProvableKey();
    const proof = proofFor("twice", key);
    await team.create("twice-proven", { user: "twice", key, proof });
    await eventually("the proof is verified", async () => {
      const { status } = await team.read("twice-proven");
      return status?.conditions?.some((each) => each.type === "Proven" && each.status === "True") === true;
    });
    const { code, stderr } = await add(key, "--user", "twice", "--name", "twice-again");
    expect([code, stderr.trimEnd().split("\n").at(-1)]).toEqual([
      1,
      `\`kubectl sshkey delete twice-again -n ${team.namespace}\` takes it back`,
    ]);
  });

  test("is not waited for with --wait=false", async () => {
    const { code, stderr } = await add(freshKey(), "--user", "hasty", "--wait=false");
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("is given to programs as the API server has it, STATE included", async () => {
    const { stdout } = await add(freshKey(), "--user", "json", "-o", "json");
    const object = JSON.parse(stdout);
    expect(object.status.conditions).toContainEqual(
      expect.objectContaining({ type: "Ready", reason: "Projected" }),
    );
  });
});

describe("nothing is overwritten:", () => {
  test("the same again changes nothing and says so", async () => {
    const key = freshKey();
    await add(key, "--user", "again");
    const { code, stdout } = await add(key, "--user", "again");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/ unchanged\n$/)]);
  });

  test("the same again without the proof that was added meanwhile leaves that where it is", async () => {
    const key = freshProvableKey();
    const proof = proofFor("provenlater", key);
    await team.create("provenlater", { user: "provenlater", key, proof });
    const { code, stdout } = await add(key, "--user", "provenlater", "--name", "provenlater");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/ unchanged\n$/)]);
    expect((await specOf("provenlater"))?.proof).toBe(proof);
  });

  test("another key under the name that was given is refused", async () => {
    await add(freshKey(), "--user", "carl", "--name", "carls");
    const { code, stderr } = await add(freshKey(), "--user", "carl", "--name", "carls");
    expect([code, stderr]).toEqual([2, expect.stringContaining("give another --name")]);
  });

  test("where a made name is taken by another key, the next one is used", async () => {
    const [key, other] = [freshKey(), freshKey()];
    const { stdout } = await add(key, "--user", "next", "--dry-run=client", "-o", "json");
    const { name } = JSON.parse(stdout).metadata;
    await team.create(name, { user: "other", key: other });
    expect((await add(key, "--user", "next")).stdout).toBe(`sshkey.sshkey-operator.dev/${name}-2 created\n`);
  });
});

describe("a dry run", () => {
  test("of the client prints the manifest and needs no cluster", async () => {
    const key = freshKey();
    const args = ["add", "-", "--user", "alice", "-n", "team-a", "--dry-run=client", "-o", "json"];
    const { code, stdout } = await plugin(args, { input: key });
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { kind: "SSHKey", metadata: { namespace: "team-a" }, spec: { user: "alice", key } },
    ]);
  });

  test("of the client says that --user makes it need none, where there is none", async () => {
    const { code, stderr } = await plugin(["add", "-", "--dry-run=client"], { input: freshKey() });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/; or say whose key it is with --user NAME/)]);
  });

  test("of the server stores nothing", async () => {
    const { code, stdout } = await add(freshKey(), "--user", "ghost", "--dry-run=server");
    expect([code, stdout, await specOf("ghost")]).toEqual([
      0,
      expect.stringContaining(" created (server dry run)"),
      undefined,
    ]);
  });
});

describe("nothing is sent", () => {
  test("of a private key, in no word of which it is repeated", async () => {
    const { file } = await openssh.newKey("private", "x");
    const { code, stdout, stderr } = await team.as("editor", ["add", file, "--user", "private"]);
    expect([code, stdout, await specOf("private")]).toEqual([2, "", undefined]);
    expect(stderr).toBe(
      `error: ${file} is a private key (OpenSSH); it was read no further and sent nowhere: give its public half, the .pub file, which this prints: ssh-keygen -y -f ${file}\n`,
    );
  });

  test("of a key and a proof that would both be read from standard input", async () => {
    const { code, stderr } = await add(freshKey(), "--proof", "-");
    expect([code, stderr]).toEqual([2, expect.stringContaining("give one as a file")]);
  });

  test.each([
    [["--option", "nonsense"], "--option: "],
    [["--title", "a\u202eb"], "--title: the title contains U+202E"],
    [["--expires-at", "tomorrow"], "--expires-at: "],
    [["--expires-at", "2020-01-31"], "--expires-at 2020-01-31 has passed: give a later time"],
    [["--user", " alice"], "--user: the user begins or ends with a space"],
  ])("with %j, and it says why", async (flags, why) => {
    const { code, stderr } = await add(freshKey(), ...flags);
    expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
  });
});

test("Ctrl-C while it waits says what was added all the same", async () => {
  const file = join(openssh.folder, "slow.pub");
  await writeFile(file, freshKey());
  await playground.stage.rest();
  try {
    const args = ["add", file, "--user", "slow", "--name", "slow", "-n", team.namespace];
    const terminal = new Terminal(args, { KUBECONFIG: playground.stage.cluster.controlPlane.kubeconfig });
    await terminal.untilItShows(" created");
    const { code } = await terminal.interrupt();
    expect([code, terminal.shown]).toEqual([130, expect.stringContaining("added all the same: slow;")]);
  } finally {
    await playground.stage.run();
  }
});

describe("with the rights of", () => {
  test("somebody who may read and not watch the STATE is told all the same", async () => {
    const { kubectl } = playground.stage.cluster;
    const inTeam = ["-n", team.namespace];
    const resource = "--resource=sshkeys.sshkey-operator.dev";
    await kubectl(["create", "role", "no-watch", "--verb=create,get", resource, ...inTeam]);
    await kubectl(["create", "rolebinding", "no-watch", "--role=no-watch", "--user=reader", ...inTeam]);
    const { code, stderr } = await team.as("reader", ["add", "-"], { input: freshKey() });
    expect([code, stderr]).toEqual([0, expect.stringContaining(" is Projected: ")]);
  });

  test("a service account it asks whose key it is", async () => {
    const account = `system:serviceaccount:${team.namespace}:ci`;
    const { code, stderr } = await team.as(account, ["add", "-"], { input: freshKey() });
    expect([code, stderr]).toEqual([2, expect.stringContaining("--user NAME")]);
  });
});

describe("a key in ssh-agent", () => {
  test("that is a certificate is left out, and an agent without another key says what to do", async () => {
    const [ca, key] = [await openssh.newKey("ca", "ca"), await openssh.newKey("certified", "certified")];
    const { code } = await run("ssh-keygen", ["-q", "-s", ca.file, "-I", "id", "-n", "a", key.publicFile]);
    expect(code).toBe(0);
    const agent = await OpenSSH.open();
    try {
      const adding = () => plugin(["add", "--agent", "--user", "a", "--dry-run=client"], { env: agent.env });
      expect(await adding()).toMatchObject({ code: 2, stderr: expect.stringContaining("holds no keys") });
      await agent.addToAgent(key);
      const { code, stdout, stderr } = await adding();
      expect([code, stdout]).toEqual([0, expect.stringContaining("/a-certified-")]);
      expect(stderr).toMatch(/^left out: .*certificate/);
    } finally {
      await agent.close();
    }
  });

  test("is asked for in a terminal, until the answer is one of them", async () => {
    await openssh.addToAgent(await openssh.newKey("first", "first@desk"));
    await openssh.addToAgent(await openssh.newKey("second", "second@desk"));
    const terminal = new Terminal(
      ["add", "--agent", "@desk", "--user", "a", "--dry-run=client"],
      openssh.env,
    );
    await terminal.untilItShows("Which one (1-2)? ");
    terminal.type("3\n");
    await eventually("it asks again", () => terminal.shown.split("Which one (1-2)? ").length === 3);
    terminal.type("2\n");
    expect([await terminal.end(), terminal.shown]).toEqual([0, expect.stringContaining("/a-second-desk-")]);
  });

  test("is chosen by a word of its comment", async () => {
    const key = await openssh.newKey("chosen", "chosen@table");
    await openssh.addToAgent(key);
    await openssh.addToAgent(await openssh.newKey("unchosen", "another@table"));
    const { code } = await team.as(
      "editor",
      ["add", "--user", "agent", "--agent", "CHOSEN@table", "--wait=false"],
      { env: openssh.env },
    );
    expect([code, (await specOf("agent"))?.key]).toEqual([0, key.publicKey]);
  });
});

describe("a published list", () => {
  const keys = [freshKey(), freshKey()];
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === "/moved") response.writeHead(302, { location: "/alice.keys" }).end();
      else if (request.url === "/circle") response.writeHead(302, { location: "/circle" }).end();
      else if (request.url === "/page") response.end("<!DOCTYPE html><html></html>");
      else if (request.url === "/endless") {
        const more = () => {
          while (response.write("#".repeat(65_536)));
        };
        response.on("drain", more);
        more();
      } else if (request.url === "/alice.keys") response.end(keys.map((key) => `${key}\n`).join(""));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  async function addFrom(path: string, ...flags: readonly string[]) {
    return await team.as("editor", ["add", "--from-url", `${url}${path}`, "--allow-http", ...flags]);
  }

  test("is shown, and not sent unseen", async () => {
    const { code, stderr } = await addFrom("/moved", "--user", "unseen");
    expect([code, await specOf("unseen")]).toEqual([2, undefined]);
    expect(stderr).toMatch(/lists 2 keys:\n {2}1\. SHA256:.* ssh-ed25519\n {2}2\. SHA256:/);
  });

  test("is added as a whole with --yes", async () => {
    const { code } = await addFrom("/alice.keys", "--user", "whole", "--yes");
    const added = (await team.list()).filter(({ spec }) => spec.user === "whole").map(({ spec }) => spec.key);
    expect([code, added.toSorted()]).toEqual([0, keys.toSorted()]);
  });

  test.each([
    ["/page", "is a web page and no list of keys"],
    ["/circle", "is redirected more than 5 times"],
    ["/endless", "has more than 256 KiB"],
    ["/nobody", "answers 404"],
  ])("at %s is refused: it %s", async (path, why) => {
    const { code, stderr } = await addFrom(path, "--user", "x", "--yes");
    expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
  });

  test("is not read over plain http unless that is said", async () => {
    const { code, stderr } = await team.as("editor", ["add", "--from-url", `${url}/alice.keys`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--allow-http")]);
  });
});
