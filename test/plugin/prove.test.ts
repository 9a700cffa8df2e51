import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshProvableKey, proofFor } from "../claims/keypairs.ts";
import { run } from "../cluster/run.ts";
import { freshDSSKey, freshKey } from "../operator/publickeys.ts";
import { makeKey, makeSignature, publicKeyLine, USER_PRESENT, USER_VERIFIED } from "../ssh/signer.ts";
import { startForgingAgent } from "../sshd/forgingagent.ts";
import { OpenSSH } from "./openssh.ts";
import { Playground, type Team } from "./playground.ts";

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

async function editor(...args: readonly string[]) {
  return await team.as("editor", ["prove", ...args], { env: openssh.env });
}

/** Whether the operator holds the SSHKey to be proven. */
async function provenOf(name: string) {
  const { status } = await team.read(name);
  return status?.conditions?.find(({ type }) => type === "Proven")?.status;
}

describe("prove", () => {
  test("prints the command, whose output it takes", async () => {
    const { publicKey } = await openssh.newKey(join(".ssh", "id_ed25519"), "a@b");
    await team.create("ada", { user: "it's ada", key: publicKey });
    const { code, stdout } = await editor("ada");
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(" -Y sign -n sshkey-operator.dev -f ~/.ssh/"),
    ]);
    const proof = await run("sh", ["-c", stdout], { env: { ...process.env, ...openssh.env } });
    const stored = await team.as("editor", ["prove", "ada", "--proof", "-"], { input: proof.stdout });
    expect([stored.code, await provenOf("ada")]).toEqual([0, "True"]);
  });

  test("says how to store what it prints in the namespace of the SSHKey, whatever that of the kubeconfig is", async () => {
    const { publicKey } = await openssh.newKey("far", "far");
    await team.create("amy", { user: "amy", key: publicKey });
    expect((await editor("amy")).stderr).toContain(
      ` kubectl sshkey prove amy --proof FILE -n ${team.namespace}\n`,
    );
  });

  test("runs it with the key in ~/.ssh whose .pub file it is", async () => {
    const { publicKey } = await openssh.newKey(join(".ssh", "work"), "work");
    await team.create("ben", { user: "ben", key: publicKey });
    const { code, stdout, stderr } = await editor("ben", "--run");
    expect([code, stdout]).toEqual([0, "sshkey.sshkey-operator.dev/ben proven\n"]);
    expect([stderr, await provenOf("ben")]).toEqual([
      expect.stringMatching(
        /^signing that the key is of user "ben": Ctrl-C if it is not\nsigning with .*\/\.ssh\/work\n(.*\n)*ben is Projected: /,
      ),
      "True",
    ]);
  });

  test("runs it with the key in ssh-agent", async () => {
    const key = await openssh.newKey("agent-only", "agent");
    await openssh.addToAgent(key);
    await team.create("cid", { user: "cid", key: key.publicKey });
    expect([(await editor("cid", "--run")).code, await provenOf("cid")]).toEqual([0, "True"]);
  });

  test("runs it with the file that is named", async () => {
    const key = await openssh.newKey("elsewhere", "x");
    await team.create("dot", { user: "dot", key: key.publicKey });
    const { code } = await editor("dot", "--run", "--key", key.file);
    expect([code, await provenOf("dot")]).toEqual([0, "True"]);
  });

  test("runs it with a security key", async () => {
    const key = makeKey("sk-ssh-ed25519@openssh.com");
    const socket = join(openssh.folder, "security-key");
    const agent = await startForgingAgent(socket, key.blob, (data) =>
      makeSignature(key, data, { flags: USER_PRESENT | USER_VERIFIED, counter: 7 }),
    );
    try {
      await team.create("eve", { user: "eve", key: publicKeyLine(key) });
      const env = { ...openssh.env, SSH_AUTH_SOCK: socket };
      const { code } = await team.as("editor", ["prove", "eve", "--run"], { env });
      expect([code, (await team.read("eve")).status?.proof]).toEqual([
        0,
        { touched: true, userVerified: true },
      ]);
    } finally {
      await agent.stop();
    }
  });

  test("stores no proof by another key or of another user, and says so", async () => {
    const [key, other] = [freshProvableKey(), freshProvableKey()];
    await team.create("flo", { user: "flo", key });
    for (const proof of [proofFor("flo", other), proofFor("someone", key)]) {
      const { code, stderr } = await team.as("editor", ["prove", "flo", "--proof", "-"], { input: proof });
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/^error: this is no proof: .*ssh-keygen -Y sign/),
      ]);
    }
    expect((await team.read("flo")).spec.proof).toBeUndefined();
  });

  test("reads no private key that is given as a proof", async () => {
    const { file } = await openssh.newKey("secret", "x");
    await team.create("gus", { user: "gus", key: freshKey() });
    const { code, stderr } = await editor("gus", "--proof", file);
    expect([code, stderr]).toEqual([2, expect.stringContaining("read no further and sent nowhere")]);
  });

  test("says what to do where the private key is not at hand", async () => {
    await team.create("hal", { user: "hal", key: freshKey() });
    const { code, stderr } = await editor("hal", "--run");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /neither ~\/.ssh nor ssh-agent has the private key .* or give --proof FILE with what this prints: printf /,
      ),
    ]);
  });

  test("says how to replace a key that can prove nothing", async () => {
    await team.create("dee", { user: "dee", key: freshDSSKey() });
    expect(await editor("dee")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`\`kubectl sshkey rotate dee --key FILE -n ${team.namespace}\``),
    });
  });

  test("says with exit code 1 that the operator wants proofs of another namespace", async () => {
    const key = await openssh.newKey("stage", "x");
    await openssh.addToAgent(key);
    await team.create("ira", { user: "ira", key: key.publicKey });
    const { code, stderr } = await editor("ira", "--run", "--proof-namespace", "stage.example.com");
    expect([code, stderr]).toEqual([1, expect.stringContaining("-n sshkey-operator.dev")]);
  });

  test("prints the proof for git of what Flux keeps, and stores nothing", async () => {
    const key = freshProvableKey();
    await team.create("joe", { user: "joe", key });
    await team.label("joe", { "kustomize.toolkit.fluxcd.io/name": "people" });
    const proof = join(openssh.folder, "joe");
    await writeFile(proof, proofFor("joe", key));
    const { code, stdout } = await editor("joe", "--proof", proof);
    expect([code, stdout, (await team.read("joe")).spec.proof]).toEqual([2, proofFor("joe", key), undefined]);
  });
});
