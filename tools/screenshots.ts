import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { eventually } from "../test/cluster/eventually.ts";
import { freshKey, freshRSAKey } from "../test/operator/publickeys.ts";
import { Stage } from "../test/operator/stage.ts";
import { launchChromium, openReader } from "../test/portal/browser/reader.ts";
import { startPortal } from "../test/portal/portalprocess.ts";

const FOLDER = join(import.meta.dirname, "..", "docs", "images");

interface Screenshot {
  readonly name: string;
  readonly path: string;
  readonly options?: BrowserContextOptions;
  readonly act?: (page: Page) => Promise<void>;
}

const SCREENSHOTS: readonly Screenshot[] = [
  { name: "portal-list", path: "keys" },
  {
    name: "portal-form",
    path: "keys/new",
    async act(page) {
      await page.getByLabel("Public key").fill(`${freshKey()} alice@tablet`);
      await page.getByText("This key can be added").waitFor();
    },
  },
  { name: "portal-key", path: "keys/laptop", options: { colorScheme: "dark" } },
  { name: "portal-people", path: "people" },
];

/** Makes the pictures of the portal's pages in docs/images/, on a cluster of its own. Wants the bundle: `make build`. */
const stage = await Stage.open();
try {
  await stage.run();
  const tenant = await stage.tenant();
  const { namespace } = tenant;
  await tenant.create("desktop", { user: "alice", key: `${freshKey()} alice@desktop`, title: "Desktop" });
  await tenant.create("laptop", { user: "alice", key: `${freshKey()} alice@laptop`, title: "Laptop" });
  await tenant.create("bob", { user: "bob", key: `${freshKey()} bob@work`, title: "Work" });
  await tenant.create("weak", { user: "alice", key: freshRSAKey(1024), title: "Found on an old disk" });
  await tenant.create("old", { user: "carol@example.com", key: freshKey(), title: "Old", disabled: true });
  await stage.cluster.kubectl([
    "wait",
    "--for=jsonpath={.status.fingerprint}",
    "sshkeys",
    "--all",
    "-n",
    namespace,
  ]);
  const { kubeconfig } = stage.cluster.controlPlane;
  const portal = await startPortal({
    kubeconfig,
    namespace,
    args: ["--insecure-user", "alice", "--insecure-admin"],
  });
  const browser = await launchChromium();
  try {
    await eventually("the portal shows every STATE", async () => {
      const page = await (await fetch(`${portal.url}keys`)).text();
      return page.includes("Projected") && page.includes("Weak") && !page.includes("Pending");
    });
    mkdirSync(FOLDER, { recursive: true });
    for (const { name, path, options, act } of SCREENSHOTS) {
      const viewport = { width: 1000, height: 560 };
      const reader = await openReader(browser, portal.url, { viewport, ...options });
      await reader.page.goto(path);
      await act?.(reader.page);
      await reader.page.screenshot({ path: join(FOLDER, `${name}.png`), fullPage: true });
      await reader.close();
    }
  } finally {
    await browser.close();
    await portal.stop();
  }
} finally {
  await stage.close();
}
