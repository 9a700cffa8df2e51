import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { type Finished, run } from "../cluster/run.ts";
import { SFTP_EXAMPLES } from "../sshd/example.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { applyExample } from "./exampleapply.ts";
import { ForwardedSSHD } from "./forwardedsshd.ts";
import { freshNamespace, kubectl } from "./kubernetes.ts";

const NAMESPACE = "e2e-customers";

let sshd: ForwardedSSHD;
let acme: KeyPair;

beforeAll(async () => {
  await freshNamespace(NAMESPACE);
  sshd = new ForwardedSSHD(NAMESPACE, "deployment/sftp");
  acme = await sshd.keyPair("acme");
  const keys = new Map([
    ["acme-upload", acme],
    ["globex-upload", await sshd.keyPair("globex")],
  ]);
  await sshd.createHostKey("sftp-hostkeys");
  for (const file of ["customers.yaml", "sftp.yaml"])
    await applyExample(file, SFTP_EXAMPLES, { names: { sftp: NAMESPACE }, keys });
  await sshd.connect();
  await eventually("the customer gets in", async () => (await sftp("pwd")).code === 0);
});

afterAll(async () => {
  await sshd.stop();
  await kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]);
});

test("a customer begins in the folder files, the only thing that there is, and gets back what was put there", async () => {
  const [sent, received] = ["sent", "received"].map((name) => join(sshd.folder, name)) as [string, string];
  writeFileSync(sent, "goods\n");
  const { code, stdout } = await sftp("pwd", `put ${sent} goods`, `get goods ${received}`, "ls -1 /");
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/working directory: \/files$/m),
  });
  expect(stdout.split("\n").at(-2)?.trim()).toBe("/files");
  expect(readFileSync(received, "utf8")).toBe("goods\n");
});

test("a customer cannot write beside that folder", async () => {
  expect(await sftp("mkdir /other")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("Permission denied"),
  });
});

test("a customer runs no command", async () => {
  const { output } = await sshd.login("acme", acme, { command: "echo escaped" });
  expect(output).not.toContain("escaped");
});

test("a customer's key is not another's", async () => {
  expect(await sshd.login("globex", acme)).toMatchObject({ accepted: false });
});

/** Runs commands of OpenSSH's client; the first that fails ends it with code 1. */
function sftp(...commands: readonly string[]): Promise<Finished> {
  const settings = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    `UserKnownHostsFile=${sshd.knownHosts}`,
  ];
  const args = ["-q", "-F", "none", "-b", "-", "-P", `${sshd.port}`, "-i", acme.file];
  const input = `${commands.join("\n")}\n`;
  return run("sftp", [...args, ...settings.flatMap((each) => ["-o", each]), "acme@127.0.0.1"], { input });
}
