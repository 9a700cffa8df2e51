import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../cluster/run.ts";

/** Nobody is asked before the configuration is read. */
const KUBECONFIG = `apiVersion: v1
kind: Config
clusters: [{ name: none, cluster: { server: "https://127.0.0.1:2" } }]
users: [{ name: none, user: { token: none } }]
contexts: [{ name: none, context: { cluster: none, user: none } }]
current-context: none
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  await writeFile(join(folder, "kubeconfig"), KUBECONFIG);
  await mkdir(join(folder, "empty"));
  await mkdir(join(folder, "short"));
  await writeFile(join(folder, "short", "1"), "not 32 bytes");
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Starts a portal with this in its section, and gives the exit code and the last line on stderr. */
async function start(section: string): Promise<[number | null, string]> {
  const oidc = `  publicURL: https://keys.example.org/\n  oidc: { issuer: "https://127.0.0.1:2", clientID: portal }`;
  const config = section.includes("oidc:")
    ? `  publicURL: https://keys.example.org/\n${section}`
    : `${oidc}\n${section}`;
  await writeFile(join(folder, "config.yaml"), `portal:\n${config}\n`);
  const args = ["portal", "--namespace", "people", "--listen", "127.0.0.1:0"];
  args.push("--metrics-bind-address", "127.0.0.1:0", "--kubeconfig", join(folder, "kubeconfig"));
  args.push("--config", join(folder, "config.yaml"));
  const { code, stderr } = await run(process.execPath, ["dist/main.cjs", ...args]);
  return [code, stderr.trimEnd().split("\n").at(-1) ?? ""];
}

const OIDC = `issuer: "https://127.0.0.1:2", clientID: portal`;

test.each<[string, () => string, (at: string) => string]>([
  [
    "client's secret that is not there",
    () => `  oidc: { ${OIDC}, clientSecretFile: ${folder}/none }`,
    (at) => `sshkey-operator: cannot read ${at}/none (ENOENT); check portal.oidc`,
  ],
  [
    "certificate that is not there",
    () => `  oidc: { ${OIDC}, caFile: ${folder}/none }`,
    (at) => `sshkey-operator: cannot read ${at}/none (ENOENT); check portal.oidc`,
  ],
  [
    "folder of session keys that is not there",
    () => `  session: { keysFolder: ${folder}/none }`,
    (at) => `sshkey-operator: cannot read the session keys in ${at}/none (ENOENT); mount the Secret there`,
  ],
  [
    "folder without session keys",
    () => `  session: { keysFolder: ${folder}/empty }`,
    (at) =>
      `sshkey-operator: ${at}/empty must hold session keys of at least 32 bytes each; openssl rand 32 makes one`,
  ],
  [
    "session key that is too short",
    () => `  session: { keysFolder: ${folder}/short }`,
    (at) =>
      `sshkey-operator: ${at}/short must hold session keys of at least 32 bytes each; openssl rand 32 makes one`,
  ],
])("a %s ends the start with a sentence that names it", async (_, section, sentence) => {
  expect(await start(section())).toEqual([3, sentence(folder)]);
});
