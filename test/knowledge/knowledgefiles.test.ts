import { mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KnowledgeFiles } from "../../src/knowledge/knowledgefiles.ts";
import { KnowledgeMetrics } from "../../src/knowledge/knowledgemetrics.ts";
import { parseExposition } from "../availability/exposition.ts";
import { eventually } from "../cluster/eventually.ts";

const FINGERPRINT = `SHA256:${"A".repeat(43)}`;

let folder: string;
let stop: AbortController;
let registry: Registry;
let files: KnowledgeFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lists-"));
  stop = new AbortController();
  registry = new Registry();
  files = new KnowledgeFiles({
    settings: { revokedKeys: undefined, blocklists: folder },
    log: pino({ enabled: false }),
    metrics: new KnowledgeMetrics(registry, "sshkey_operator"),
    onChange: () => {},
  });
});

afterEach(async () => {
  stop.abort();
  await rm(folder, { recursive: true, force: true });
});

/** As if it had been there for a minute. */
async function put(name: string, ...lines: string[]): Promise<void> {
  const minuteAgo = new Date(Date.now() - 60_000);
  await writeFile(join(folder, `.${name}`), lines.join("\n"));
  await utimes(join(folder, `.${name}`), minuteAgo, minuteAgo);
  await rename(join(folder, `.${name}`), join(folder, name));
}

/** The values of a metric, each by the name of its list. */
async function metric(name: string): Promise<Record<string, number>> {
  const samples = parseExposition(await registry.metrics()).get(`sshkey_operator_blocklist_${name}`)?.samples;
  return Object.fromEntries((samples ?? []).map(({ labels, value }) => [labels.list, value]));
}

describe("of a list in force", () => {
  test("the keys are counted, and the lines that are none", async () => {
    await put("good.txt", FINGERPRINT, "# nobody else");
    await put("half.txt", FINGERPRINT, FINGERPRINT.slice(0, 40), "alice");
    await files.load(stop.signal);
    expect(await metric("keys")).toEqual({ "good.txt": 1, "half.txt": 1 });
    expect(await metric("bad_lines")).toEqual({ "good.txt": 0, "half.txt": 2 });
  });

  test("nothing is counted any more when its file is gone", async () => {
    await put("half.txt", FINGERPRINT, "alice");
    await files.load(stop.signal);
    const running = files.run(stop.signal);
    await rm(join(folder, "half.txt"));
    await eventually("the list is gone", async () => Object.keys(await metric("keys")).length === 0);
    expect([await metric("bad_lines"), await metric("unreadable")]).toEqual([{}, {}]);
    stop.abort();
    await running;
  });
});

test("the folder is unreadable while it is away, and its lists stay in force", async () => {
  await put("good.txt", FINGERPRINT);
  await files.load(stop.signal);
  const running = files.run(stop.signal);
  await rename(folder, `${folder}-away`);
  await eventually("the folder is unreadable", async () => (await metric("unreadable"))[folder] === 1);
  expect(await metric("keys")).toEqual({ "good.txt": 1 });
  await rename(`${folder}-away`, folder);
  await eventually("the folder is readable", async () => (await metric("unreadable"))[folder] === undefined);
  expect(await metric("unreadable")).toEqual({ "good.txt": 0 });
  stop.abort();
  await running;
});
