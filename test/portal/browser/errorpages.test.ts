import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";
import { LIMITS } from "../../../src/portal/limits.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { type FlakyLine, startFlakyLine } from "../../operator/flakyline.ts";
import { freshKey } from "../../operator/publickeys.ts";
import { type PortalProcess, startPortal } from "../portalprocess.ts";
import { openLooks, testLooks } from "./looks.ts";
import { launchChromium, type Reader } from "./reader.ts";

let cluster: Cluster;
let line: FlakyLine;
let portal: PortalProcess;
let browser: Browser;
let reader: Reader;

beforeAll(async () => {
  cluster = await sharedCluster();
  line = await startFlakyLine(cluster.controlPlane);
  const args = ["--insecure-user", "mallory"];
  const { kubeconfig } = line;
  portal = await startPortal({ kubeconfig, namespace: await cluster.namespace(), args });
  browser = await launchChromium();
  reader = await openLooks(browser, portal.url);
});

afterAll(async () => {
  await browser?.close();
  await portal?.stop();
  line?.stop();
  await cluster?.stop();
});

async function send(page: Page, key: string): Promise<void> {
  await page.getByLabel("Public key").fill(key);
  await page.getByRole("button", { name: "Add the key" }).click();
}

describe("the list without a key", () => {
  testLooks(
    () => reader,
    (page) => page.goto("/keys"),
  );
});

/** Each with its status and its heading. The last one is for minutes. */
describe.each<readonly [number, string, (page: Page) => Promise<unknown>]>([
  [404, "There is no such page", (page) => page.goto("/none")],
  [403, "You may not do this", (page) => page.goto("/people")],
  [
    403,
    "This form is out of date",
    async (page) => {
      await page.goto("/keys/new");
      await page.locator("[name=csrf]").evaluate((field) => field.setAttribute("value", "of another"));
      await send(page, freshKey());
    },
  ],
  [
    413,
    "This is too much",
    async (page) => {
      await page.goto("/keys/new");
      // As a browser sends a large file that was chosen without the script, which would not take it.
      await page.evaluate("document.querySelector('#key').defaultValue = 'x'.repeat(300_000)");
      await page.getByRole("button", { name: "Add the key" }).click();
    },
  ],
  [
    503,
    "The cluster cannot be reached",
    async (page) => {
      await page.goto("/keys/new");
      line.turn("down");
      await send(page, freshKey());
      await page.getByRole("heading", { name: "The cluster cannot be reached" }).waitFor();
      line.turn("whole");
    },
  ],
  [
    429,
    "Too many requests",
    async (page) => {
      await page.goto("/keys/new");
      for (let n = 0; n < LIMITS.writes; n += 1) await fetch(`${portal.url}keys/new`, { method: "POST" });
      await send(page, freshKey());
    },
  ],
])("the page of status %i, %s", (status, heading, lead) => {
  testLooks(
    () => reader,
    async (page) => {
      const answered = page.waitForResponse((response) => response.status() === status);
      await lead(page);
      await answered;
      await page.getByRole("heading", { name: heading }).waitFor();
    },
  );
});
