import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import type { SSHKeySpec } from "../src/api/sshkey.generated.ts";
import { time } from "../src/portal/web/keylist.ts";
import { eventually } from "../test/cluster/eventually.ts";
import { ed25519KeyOf, rsaKeyOf } from "../test/operator/publickeys.ts";
import { Stage } from "../test/operator/stage.ts";
import type { Tenant } from "../test/operator/tenant.ts";
import { launchChromium, openReader } from "../test/portal/browser/reader.ts";
import { startPortal } from "../test/portal/portalprocess.ts";
import { Random } from "../test/ssh/random.ts";

const FOLDER = join(import.meta.dirname, "..", "docs", "images");

/** Of the keys, which are the same in each run, so that a picture changes only with its page. */
const SEED = 22;
const random = new Random(SEED);
const key = (comment = "") => `${ed25519KeyOf(random)} ${comment}`.trim();

interface Example {
  readonly name: string;
  /** When the pictures say that it was added; the API server's clock says otherwise. */
  readonly addedAt: string;
  readonly spec: SSHKeySpec;
}

/** The oldest first. */
const EXAMPLES: readonly Example[] = [
  {
    name: "desktop",
    addedAt: "2026-01-12T09:24:00Z",
    spec: { user: "alice", key: key("alice@desktop"), title: "Desktop" },
  },
  {
    name: "laptop",
    addedAt: "2026-03-02T16:05:00Z",
    spec: { user: "alice", key: key("alice@laptop"), title: "Laptop" },
  },
  {
    name: "bob",
    addedAt: "2026-03-09T08:41:00Z",
    spec: { user: "bob", key: key("bob@work"), title: "Work" },
  },
  {
    name: "weak",
    addedAt: "2026-05-21T13:30:00Z",
    spec: { user: "alice", key: rsaKeyOf(random, 1024), title: "Found on an old disk" },
  },
  {
    name: "old",
    addedAt: "2026-06-18T07:52:00Z",
    spec: { user: "carol@example.com", key: key(), title: "Old", disabled: true },
  },
];

const TYPED = key("alice@tablet");

interface Screenshot {
  readonly name: string;
  readonly path: string;
  readonly options?: BrowserContextOptions;
  readonly act?: (page: Page) => Promise<void>;
}

const SCREENSHOTS: readonly Screenshot[] = [
  { name: "portal-list", path: "keys" },
  { name: "portal-narrow", path: "keys", options: { viewport: { width: 320, height: 568 } } },
  {
    name: "portal-form",
    path: "keys/new",
    async act(page) {
      await page.getByLabel("Public key").fill(TYPED);
      await page.getByText("This key can be added").waitFor();
    },
  },
  { name: "portal-key", path: "keys/laptop", options: { colorScheme: "dark" } },
  { name: "portal-people", path: "people" },
];

/** Creates the examples, and gives for each time at which one was made the one that the pictures show. */
async function createExamples(tenant: Tenant): Promise<ReadonlyMap<string, string>> {
  const times = new Map<string, string>();
  for (const { name, addedAt, spec } of EXAMPLES) {
    await tenant.untilYounger();
    const { metadata } = await tenant.create(name, spec);
    times.set(new Date(metadata?.creationTimestamp ?? "").toISOString(), addedAt);
  }
  return times;
}

/** What differs from run to run, and what the pictures show in its place. */
interface Shown {
  readonly times: ReadonlyMap<string, string>;
  readonly namespace: string;
}

/** Lets pages have these times in place of their own, and `people` in place of the namespace. */
async function showAlike(page: Page, { times, namespace }: Shown): Promise<void> {
  const isDocument = (url: URL) => !url.pathname.includes(".");
  await page.route(isDocument, async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    const body = text
      .replaceAll(/<time datetime="([^"]*)">[^<]*<\/time>/g, (_, iso: string) =>
        String(time(Date.parse(times.get(iso) ?? iso))),
      )
      .replaceAll(namespace, "people");
    await route.fulfill({ response, body });
  });
}

/** Makes the pictures of the portal's pages in docs/images/, on a cluster of its own. Wants the bundle: `make build`. */
const stage = await Stage.open();
try {
  await stage.run();
  const tenant = await stage.tenant();
  const { namespace } = tenant;
  const times = await createExamples(tenant);
  const { kubeconfig } = stage.cluster.controlPlane;
  const portal = await startPortal({
    kubeconfig,
    namespace,
    args: ["--insecure-user", "alice", "--insecure-admin"],
  });
  const browser = await launchChromium();
  try {
    await eventually("the portal shows every STATE", async () => {
      const page = await (await fetch(`${portal.url}people`)).text();
      return (
        ["Projected", "Weak", "Disabled"].every((state) => page.includes(state)) && !page.includes("Pending")
      );
    });
    mkdirSync(FOLDER, { recursive: true });
    for (const { name, path, options, act } of SCREENSHOTS) {
      const viewport = { width: 1000, height: 560 };
      const place = { locale: "en-US", timezoneId: "UTC" };
      const { page, close } = await openReader(browser, portal.url, { viewport, ...place, ...options });
      await showAlike(page, { times, namespace });
      await page.goto(path);
      await act?.(page);
      await page.screenshot({ path: join(FOLDER, `${name}.png`), fullPage: true });
      await close();
    }
  } finally {
    await browser.close();
    await portal.stop();
  }
} finally {
  await stage.close();
}
