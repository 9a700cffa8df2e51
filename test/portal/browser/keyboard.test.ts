import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../cluster/cluster.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { freshKey } from "../../operator/publickeys.ts";
import { Tenant } from "../../operator/tenant.ts";
import { type PortalProcess, startPortal } from "../portalprocess.ts";
import { launchChromium, openReader, type Reader } from "./reader.ts";

let cluster: Cluster;
let portal: PortalProcess;
let browser: Browser;
let reader: Reader;

beforeAll(async () => {
  cluster = await sharedCluster();
  const tenant = new Tenant(cluster, await cluster.namespace());
  const long = `${"A very long title ".repeat(13)}${"x".repeat(20)}`;
  await tenant.create("long", { user: "alice", key: `${freshKey()} alice@example.org`, title: long });
  await tenant.create("bobs", { user: "bob", key: freshKey(), title: "Bob's laptop" });
  const args = ["--insecure-user", "alice", "--insecure-admin"];
  const { kubeconfig } = cluster.controlPlane;
  portal = await startPortal({ kubeconfig, namespace: tenant.namespace, args });
  browser = await launchChromium();
  reader = await openReader(browser, portal.url);
});

afterAll(async () => {
  await browser?.close();
  await portal?.stop();
  await cluster?.stop();
});

interface Focused {
  readonly name: string;
  readonly isSeen: boolean;
}

const FOCUSED = `(() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const name = (element.labels?.[0] ?? element).textContent.trim();
  return { name, isSeen: outlineStyle !== "none" && outlineWidth !== "0px" };
})()`;

/** What has the focus and cannot be seen; undefined where it can. */
const OUTSIDE = `(() => {
  const element = document.activeElement;
  const { left, right } = element.getBoundingClientRect();
  return right > 0 && left < innerWidth ? undefined : element.outerHTML;
})()`;

describe("with the keyboard alone", () => {
  afterEach(() => {
    const found = [...reader.complaints];
    reader.forget();
    expect(found).toEqual([]);
  });

  async function show(path: string, width = 1280): Promise<Page> {
    const { page } = reader;
    await page.setViewportSize({ width, height: 640 });
    await page.goto(path);
    return page;
  }

  /** Presses Tab until this has the focus, which must be seen. */
  async function tabTo(page: Page, name: string | RegExp): Promise<void> {
    for (let pressed = 0; pressed < 60; pressed += 1) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate<Focused>(FOCUSED);
      if (focused.name === name || (name instanceof RegExp && name.test(focused.name))) {
        expect(focused.isSeen).toBe(true);
        return;
      }
    }
    throw new Error(`Tab never leads to ${name}`);
  }

  test("a key is added, looked at and deleted", async () => {
    const page = await show("/keys");
    await tabTo(page, "Add a key");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/keys/new");
    await tabTo(page, "Public key");
    await page.keyboard.insertText(freshKey());
    await tabTo(page, "Title");
    await page.keyboard.insertText("By keyboard");
    await page.keyboard.press("Enter");
    await page.getByText("successfully added").waitFor();
    await tabTo(page, "By keyboard");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/keys/alice-by-keyboard-*");
    await tabTo(page, "Delete");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, "Delete the key");
    await page.keyboard.press("Enter");
    await page.getByText("successfully deleted").waitFor();
  });

  test("a proof is opened in the form, and given to a key that is there", async () => {
    const page = await show("/keys/new");
    await tabTo(page, "Proof of possession (optional)");
    await page.keyboard.press("Enter");
    await tabTo(page, "Proof of possession");
    await page.goto("/keys/long");
    await tabTo(page, "Add a proof");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/keys/long/proof");
    await tabTo(page, "Proof of possession");
    await page.keyboard.insertText("no proof");
    await tabTo(page, "Store the proof");
    await page.keyboard.press("Enter");
    await page.locator("#proof-problem").waitFor();
  });

  test.each(["/keys", "/people", "/people/bob"])(
    "at 320 pixels, every stop of %s is in sight",
    async (path) => {
      const page = await show(path, 320);
      const outside: string[] = [];
      // The first stop is the way past the head, which comes into sight.
      for (let stop = 0; stop < 25; stop += 1) {
        await page.keyboard.press("Tab");
        const found = await page.evaluate<string | undefined>(OUTSIDE);
        if (found !== undefined) outside.push(found);
      }
      expect(outside).toEqual([]);
    },
  );

  test("the first stop leads past the head of the page", async () => {
    const page = await show("/keys");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("content");
  });
});
