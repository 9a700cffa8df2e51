import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../cluster/cluster.ts";
import { eventually } from "../../cluster/eventually.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { freshKey } from "../../operator/publickeys.ts";
import { Tenant } from "../../operator/tenant.ts";
import { type PortalProcess, startPortal } from "../portalprocess.ts";
import { launchChromium, openReader, overhang, type Reader, violations } from "./reader.ts";

let cluster: Cluster;
let portal: PortalProcess;
let empty: PortalProcess;
let browser: Browser;
let reader: Reader | undefined;

beforeAll(async () => {
  cluster = await sharedCluster();
  const { kubeconfig } = cluster.controlPlane;
  const tenant = new Tenant(cluster, await cluster.namespace());
  const { namespace } = tenant;
  const args = ["--insecure-user", "alice", "--insecure-admin"];
  const long = `${"A very long title ".repeat(13)}${"x".repeat(20)}`;
  await tenant.create("laptop", { user: "alice", key: freshKey(), title: "Laptop" });
  await tenant.create("long", { user: "alice", key: `${freshKey()} alice@example.org`, title: long });
  await tenant.create("bobs", { user: "bob", key: BOBS_KEY, title: "Bob's laptop" });
  await tenant.create("longs", { user: "b".repeat(253), key: freshKey() });
  portal = await startPortal({ kubeconfig, namespace, args });
  empty = await startPortal({ kubeconfig, namespace, args: ["--insecure-user", "nobody-yet"] });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await portal?.stop();
  await empty?.stop();
  await cluster?.stop();
});

afterEach(async () => {
  await reader?.close();
  expect(reader?.complaints ?? []).toEqual([]);
});

/** How far things have moved by themselves since the page was made (Layout Instability API). */
const LAYOUT_SHIFT = `new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})`;

/** What a script does before the first paint moves nothing: on a fast machine that hides what others see. */
async function painted(page: Page): Promise<void> {
  const isPainted = "performance.getEntriesByName('first-contentful-paint').length > 0";
  await eventually("the page is painted", async () => await page.evaluate<boolean>(isPainted));
}

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

interface State {
  readonly of?: () => PortalProcess;
  readonly path: string;
  readonly act?: (page: Page) => Promise<void>;
}

const send = async (page: Page) => {
  await page.getByRole("button", { name: "Add the key" }).click();
  await page.getByRole("alert").waitFor();
};

const BOBS_KEY = freshKey();

/** A key, a line of a log, and one that names none. */
const QUESTIONS = [
  BOBS_KEY,
  `Nov 28 03:00:00 host sshd[42]: Failed publickey for ${"eve".repeat(60)} from 192.0.2.8 port 5189 ssh2: ED25519 SHA256:${"A".repeat(43)}`,
  "x".repeat(400),
].join("\n");

const STATES: Readonly<Record<string, State>> = {
  "the list": { path: "/keys" },
  "the list without a key": { of: () => empty, path: "/keys" },
  "the list where nothing is found": { path: "/keys?search=nothing-like-it" },
  "the form": { path: "/keys/new" },
  "the form with problems": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill("no key");
      await send(page);
    },
  },
  "the form with a verdict": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill(freshKey());
      await page.locator("[data-verdict].good").waitFor();
    },
  },
  "the form with several keys": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill(`${freshKey()}\n${freshKey()}`);
      await send(page);
    },
  },
  "a key": { path: "/keys/laptop" },
  "a key with a long title": { path: "/keys/long" },
  "the question before a deletion": { path: "/keys/laptop/delete" },
  "the dialog before a deletion": {
    path: "/keys/laptop",
    act: async (page) => {
      await page.getByRole("link", { name: "Delete", exact: true }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  "the list by a heading": { path: "/keys?sort=-title" },
  "the people": { path: "/people" },
  "the people where nobody is found": { path: "/people?search=nobody-like-it" },
  "another's keys": { path: "/people/bob" },
  "another's keys where there are none": { path: "/people/nobody-yet" },
  "another's key": { path: "/people/bob/bobs" },
  "the form for another": { path: "/people/bob/new" },
  "who is it": { path: "/who" },
  "who is it, answered": {
    path: "/who",
    act: async (page) => {
      await page.getByLabel("Fingerprints").fill(QUESTIONS);
      await page.getByRole("button", { name: "Who is it?" }).click();
      await page.getByRole("heading", { name: "Answers" }).waitFor();
    },
  },
  "a page that is not there": { path: "/none" },
  "the reference of the REST API": { path: "/apidoc" },
};

async function show({ of = () => portal, path, act }: State, options = {}): Promise<Page> {
  reader = await openReader(browser, of().url, options);
  const { page } = reader;
  await page.goto(path);
  await act?.(page);
  return page;
}

describe.each(Object.entries(STATES))("%s", (_, state) => {
  test.each(["light", "dark"] as const)("has nothing that axe finds in %s colours", async (colorScheme) => {
    expect(await violations(await show(state, { colorScheme }))).toEqual([]);
  });

  test("fits into 320 pixels", async () => {
    expect(await overhang(await show(state, { viewport: { width: 320, height: 640 } }))).toBeLessThanOrEqual(
      0,
    );
  });

  test("stays where it is while it is loaded", async () => {
    const { of = () => portal, path } = state;
    reader = await openReader(browser, of().url);
    const { page } = reader;
    await page.route("**/*.js", async (route) => {
      await painted(page);
      await route.continue();
    });
    await page.goto(path);
    expect(await page.evaluate<number>(LAYOUT_SHIFT)).toBe(0);
  });
});

describe("with the keyboard alone", () => {
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
    const page = await show({ path: "/keys" });
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

  test.each(["/keys", "/people", "/people/bob"])(
    "at 320 pixels, every stop of %s is in sight",
    async (path) => {
      const page = await show({ path }, { viewport: { width: 320, height: 640 } });
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
    const page = await show({ path: "/keys" });
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("content");
  });
});
