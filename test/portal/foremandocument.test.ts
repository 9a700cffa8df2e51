import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import type { Cluster } from "../cluster/cluster.ts";
import { run } from "../cluster/run.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { apypiePackages, python } from "./apypie/install.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

const DOCUMENT = join(import.meta.dirname, "..", "..", "docs", "foreman.md");
/** Of a person's token, so that the calls are as a person makes them. */
const CONFIG = 'portal: {tokens: {audience: "https://kubernetes.default.svc"}}';
const ME = "admin";

let cluster: Cluster;
let portal: PortalProcess;
let folder: string;
let text: string;
let token: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  const { kubeconfig } = cluster.controlPlane;
  portal = await startPortal({ kubeconfig, namespace: await cluster.namespace(), config: CONFIG });
  token = parse(await readFile(kubeconfig, "utf8")).users[0].user.token;
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  text = await readFile(DOCUMENT, "utf8");
  await mkdir(join(folder, ".ssh"));
  const key = /"key": "(ssh-ed25519 [^"]+)"/.exec(text)?.[1];
  await writeFile(join(folder, ".ssh", "id_ed25519.pub"), `${key}\n`);
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
  await rm(folder, { recursive: true });
});

interface Example {
  readonly command: string;
  readonly output: string;
}

/** The commands with curl, each with what stands below it. */
function curlExamples(): readonly Example[] {
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, kind, content = ""]) => ({
    kind,
    content,
  }));
  return blocks.flatMap(({ kind, content }, at) => {
    if (kind !== "sh" || !content.startsWith("curl ")) return [];
    const next = blocks[at + 1];
    return [{ command: content, output: next?.kind === "json" ? next.content : "" }];
  });
}

/** On one line, with its fields in their order; every number of an object and every time is the same. */
function comparable(json: string): string {
  return JSON.stringify(JSON.parse(json), (name, value) => {
    if (name === "id" && typeof value === "number") return 1;
    if (name === "user_id") return 2;
    return name.endsWith("_at") ? String(value).replaceAll(/[0-9]/g, "0") : value;
  });
}

test("what curl is given in docs/foreman.md answers what stands below it", async () => {
  const examples = curlExamples();
  const env = { ...process.env, HOME: folder, PORTAL: portal.url.replace(/\/$/, ""), ME, TOKEN: token };
  const answers: string[] = [];
  for (const { command } of examples) {
    const { code, stdout, stderr } = await run("bash", ["-c", command.replace(/^curl /, "curl -sS ")], {
      env,
    });
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
    answers.push(comparable(stdout));
  }
  expect(answers).toEqual(examples.map(({ output }) => comparable(output)));
  expect(answers.length).toBeGreaterThan(4);
});

test("what apypie is given there runs", async () => {
  const [, example = ""] = /^```python\n(.*?)^```$/ms.exec(text) ?? [];
  const home = `import os\nos.environ["HOME"] = ${JSON.stringify(folder)}\n`;
  const [url, password] = [JSON.stringify(portal.url), JSON.stringify(token)];
  const named = `PORTAL, ME, TOKEN = ${url}, ${JSON.stringify(ME)}, ${password}\n`;
  expect(await python(["-c", home + named + example], await apypiePackages())).toBe("0\n");
});
