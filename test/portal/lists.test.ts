import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { Visitor } from "./visitor.ts";

const FORM = "/keys/new";

const KEY = freshKey();

let cluster: Cluster;
let folder: string;
let portal: PortalProcess;

beforeAll(async () => {
  cluster = await sharedCluster();
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-lists-"));
  await writeFile(join(folder, "broken.blocklist"), "sshkey-operator blocklist 1\n{");
  portal = await startPortal({
    kubeconfig: cluster.controlPlane.kubeconfig,
    namespace: await cluster.namespace(),
    args: ["--insecure-user", "alice"],
    config: `blocklists: ${folder}\nrevokedKeys: ${folder}/.revoked\n`,
  });
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
  await rm(folder, { recursive: true });
});

function fingerprintOf(key: string): string {
  return fingerprintSHA256(Buffer.from(key.split(" ")[1] ?? "", "base64"));
}

async function untilLogged(event: string, what: string): Promise<void> {
  await eventually(`${event} with ${what}`, async () => {
    const lines = (await portal.log()).split("\n");
    return lines.some((line) => line.includes(`"event":"${event}"`) && line.includes(what));
  });
}

async function untilMetric(series: string, value: number): Promise<void> {
  await eventually(`${series} is ${value}`, async () => {
    const text = await (await fetch(portal.metricsURL)).text();
    return text.split("\n").includes(`${series} ${value}`);
  });
}

describe("a list that the portal cannot read", () => {
  test("is told in its log", async () => {
    await untilLogged("BlocklistUnreadable", '"list":"broken.blocklist"');
  });

  test("is counted as unreadable", async () => {
    await untilMetric('sshkey_portal_blocklist_unreadable{list="broken.blocklist"}', 1);
  });

  test("keeps no other list from being read and counted", async () => {
    await writeFile(join(folder, "good.txt"), `# reason: PublishedKey\n${fingerprintOf(KEY)}\n`);
    await untilLogged("BlocklistRead", '"list":"good.txt"');
    await untilMetric('sshkey_portal_blocklist_keys{list="good.txt"}', 1);
  });

  test("keeps nobody from being told of a key on another one", async () => {
    const { text } = await new Visitor(portal.url).submit(FORM, FORM, { key: KEY });
    expect(text).toContain("has been published");
  });

  test("is no longer counted when it is removed, which is told", async () => {
    await rm(join(folder, "broken.blocklist"));
    await untilLogged("BlocklistGone", '"list":"broken.blocklist"');
    const text = await (await fetch(portal.metricsURL)).text();
    expect(text).not.toContain('list="broken.blocklist"');
  });
});

describe("a list of revoked keys that is not there when the portal starts", () => {
  test("is told in its log, and counted as unreadable", async () => {
    await untilLogged("RevokedKeysUnreadable", '"problem":"ENOENT"');
    await untilMetric("sshkey_portal_revoked_keys_unreadable", 1);
  });

  test("is read once it is there", async () => {
    await writeFile(join(folder, ".revoked"), "");
    await untilLogged("RevokedKeysRead", '"count":0');
    await untilMetric("sshkey_portal_revoked_keys_unreadable", 0);
  });
});
