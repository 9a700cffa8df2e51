import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cluster } from "../../cluster/cluster.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { freshKey, freshRSAKey } from "../../operator/publickeys.ts";
import { Tenant } from "../../operator/tenant.ts";
import { makeKey, makeProof, publicKeyLine } from "../../ssh/signer.ts";
import { type PortalProcess, startPortal } from "../portalprocess.ts";
import { launchChromium, openReader, type Reader, Readers } from "./reader.ts";

const SECRET = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ";
const PRIVATE_KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\n${SECRET}\n-----END OPENSSH PRIVATE KEY-----\n`;

let cluster: Cluster;
let tenant: Tenant;
let portal: PortalProcess;
let browser: Browser;
let readers: Readers;
let reader: Reader;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "alice"];
  portal = await startPortal({ kubeconfig, namespace: tenant.namespace, args });
  browser = await launchChromium();
  readers = new Readers((javaScriptEnabled) => openReader(browser, portal.url, { javaScriptEnabled }));
});

afterAll(async () => {
  await browser?.close();
  await portal?.stop();
  await cluster?.stop();
});

afterEach(async () => {
  expect(await readers.giveBack()).toEqual([]);
});

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("the life of a key, %s", (_, javaScriptEnabled) => {
  const title = `Laptop ${javaScriptEnabled}`;

  beforeEach(async () => {
    reader = await readers.take(javaScriptEnabled);
  });

  test("from adding it to deleting it", async () => {
    const { page } = reader;
    const key = freshKey();
    await page.goto("/");
    await page.getByRole("link", { name: "Add a key" }).click();
    await page.getByLabel("Public key").fill(`${key} alice@laptop`);
    await page.getByLabel("Title").fill(title);
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByText(`Key ${title} successfully added.`).waitFor();

    await page.getByRole("link", { name: title }).click();
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe(title);
    expect(await page.getByLabel("Public key").inputValue()).toContain(key);

    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByText("is disabled").waitFor();
    await page.getByRole("button", { name: "Enable" }).click();
    await page.getByText("is enabled").waitFor();

    await page.getByRole("link", { name: "Delete", exact: true }).click();
    await page.getByRole("button", { name: "Delete the key" }).click();
    await page.getByText("successfully deleted").waitFor();
    expect(await page.getByRole("link", { name: title }).count()).toBe(0);
  });

  test("with a proof that is given later", async () => {
    const { page } = reader;
    const key = makeKey("ssh-ed25519");
    const named = `Proven ${javaScriptEnabled}`;
    await page.goto("/keys/new");
    await page.getByLabel("Public key").fill(publicKeyLine(key));
    await page.getByLabel("Title").fill(named);
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByRole("link", { name: named }).click();
    await page.getByRole("link", { name: "Add a proof" }).click();
    await page.getByLabel("Proof of possession").fill("my proof");
    await page.getByRole("button", { name: "Store the proof" }).click();
    await page.locator("#proof-problem").waitFor();
    expect(await page.getByLabel("Proof of possession").inputValue()).toBe("my proof");
    await page.getByLabel("Proof of possession").fill(makeProof(key, "alice"));
    await page.getByRole("button", { name: "Store the proof" }).click();
    await page.getByText(`The proof of key ${named} is stored.`).waitFor();
  });

  test("with a proof from the start", async () => {
    const { page } = reader;
    const key = makeKey("ssh-ed25519");
    const named = `Proven at once ${javaScriptEnabled}`;
    await page.goto("/keys/new");
    await page.getByLabel("Public key").fill(publicKeyLine(key));
    await page.getByLabel("Title").fill(named);
    await page.getByText("Proof of possession (optional)").click();
    await page.getByLabel("Proof of possession").fill(makeProof(key, "alice"));
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByRole("link", { name: named }).click();
    await page.getByRole("link", { name: "Replace the proof" }).waitFor();
  });

  test("one that is none is told at its field, and nothing typed is lost", async () => {
    const { page } = reader;
    await page.goto("/keys/new");
    await page.getByLabel("Public key").fill("ssh-ed25519 nonsense");
    await page.getByLabel("Title").fill("My laptop");
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByLabel("Public key").getAttribute("aria-invalid")).toBe("true");
    expect(await page.getByLabel("Title").inputValue()).toBe("My laptop");
  });
});

/** How many SSHKeys have this title. */
async function count(title: string): Promise<number> {
  return (await tenant.list()).filter(({ spec }) => spec.title === title).length;
}

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("going back and sending twice, %s", (way, javaScriptEnabled) => {
  beforeEach(async () => {
    reader = await readers.take(javaScriptEnabled);
  });

  async function fill(title: string): Promise<void> {
    const { page } = reader;
    await page.goto("/keys");
    await page.getByRole("link", { name: "Add a key" }).click();
    await page.getByLabel("Public key").fill(freshKey());
    await page.getByLabel("Title").fill(title);
  }

  async function add(title: string): Promise<void> {
    await fill(title);
    await reader.page.getByRole("button", { name: "Add the key" }).click();
    await reader.page.getByText(`Key ${title} successfully added.`).waitFor();
  }

  test("the form is empty for who goes back after a key was added", async () => {
    const { page } = reader;
    await add(`Gone back ${way}`);
    await page.goBack();
    expect(new URL(page.url()).pathname).toBe("/keys/new");
    const typed = ["Public key", "Title", "Expires on"].map((label) => page.getByLabel(label).inputValue());
    expect(await Promise.all(typed)).toEqual(["", "", ""]);
  });

  test("a key is added once when the page after it is loaded again", async () => {
    const { page } = reader;
    const title = `Loaded again ${way}`;
    await add(title);
    await page.reload();
    expect(await page.getByRole("link", { name: title }).count()).toBe(1);
    expect(await page.getByRole("status").count()).toBe(0);
    expect(await count(title)).toBe(1);
  });

  test("a key is added once by a double click", async () => {
    const { page } = reader;
    const title = `Clicked twice ${way}`;
    await fill(title);
    await page.getByRole("button", { name: "Add the key" }).dblclick();
    await page
      .getByText(/successfully added|The key was not added yet/)
      .first()
      .waitFor();
    await page.goto("/keys");
    await page.getByRole("link", { name: title }).waitFor();
    expect(await count(title)).toBe(1);
  });

  test("a key that was deleted is on no page that one goes back to", async () => {
    const { page } = reader;
    const title = `Deleted ${way}`;
    await add(title);
    await page.getByRole("link", { name: title }).click();
    await page.getByRole("link", { name: "Delete", exact: true }).click();
    await page.getByRole("button", { name: "Delete the key" }).click();
    await page.getByText("successfully deleted").waitFor();
    do {
      await page.goBack();
      expect(await page.content()).not.toContain(title);
    } while (new URL(page.url()).pathname !== "/keys");
  });
});

describe("the form with JavaScript", () => {
  beforeEach(async () => {
    reader = await readers.take();
    await reader.page.goto("/keys/new");
  });

  const file = (name: string, text: string) => ({
    name,
    mimeType: "application/octet-stream",
    buffer: Buffer.from(text),
  });

  test("takes the key from a file, and the title from its comment", async () => {
    const { page } = reader;
    const key = freshKey();
    await page.getByLabel("Or choose the .pub file").setInputFiles(file("id.pub", `${key} alice@work\n`));
    await page.getByText("This key can be added").waitFor();
    expect(await page.getByLabel("Public key").inputValue()).toBe(`${key} alice@work`);
    expect(await page.getByLabel("Title").inputValue()).toBe("alice@work");
  });

  /** Drops a file on the field of the key. */
  async function drop(name: string, text: string): Promise<void> {
    const { page } = reader;
    const dataTransfer = await page.evaluateHandle(
      `(() => {
        const files = new DataTransfer();
        files.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}));
        return files;
      })()`,
    );
    await page.getByLabel("Public key").dispatchEvent("drop", { dataTransfer });
  }

  test("takes the key from a file that is dropped on it", async () => {
    const { page } = reader;
    const key = freshKey();
    await drop("work.pub", `${key}\n`);
    await page.getByText("This key can be added").waitFor();
    expect(await page.getByLabel("Public key").inputValue()).toBe(key);
    expect(await page.getByLabel("Title").inputValue()).toBe("work");
  });

  test("says what it thinks of a key while one types it", async () => {
    const { page } = reader;
    await page.getByLabel("Public key").fill("ssh-ed25519 AAAA");
    await page.locator("[data-verdict]:not(:empty)").waitFor();
    expect(await page.locator("[data-verdict].good").count()).toBe(0);
    await page.getByLabel("Public key").fill(freshKey());
    await page.locator("[data-verdict].good").waitFor();
  });

  test("names the command that proves a key of the type that was typed", async () => {
    const { page } = reader;
    await page.getByLabel("Public key").fill(freshRSAKey(3072));
    await page.locator("[data-proof-command]", { hasText: "id_rsa" }).waitFor({ state: "attached" });
  });

  test.each<[string, () => Promise<void>]>([
    [
      "chosen as a file",
      async () =>
        await reader.page
          .getByLabel("Or choose the .pub file")
          .setInputFiles(file("id_ed25519", PRIVATE_KEY)),
    ],
    ["dropped", async () => await drop("id_ed25519", PRIVATE_KEY)],
    ["typed", async () => await reader.page.getByLabel("Public key").fill(PRIVATE_KEY)],
  ])("sends nothing of a private key that is %s", async (_, give) => {
    const { page, sent } = reader;
    await give();
    await page.locator("[data-verdict]").getByText("private key").waitFor();
    await page.getByRole("button", { name: "Add the key" }).click();
    // A question about another key, and its answer: what was to be asked before has been.
    await page.getByLabel("Public key").fill(freshKey());
    await page.locator("[data-verdict].good").waitFor();
    expect(sent.filter((body) => body.includes("PRIVATE") || body.includes(SECRET))).toEqual([]);
  });
});

describe("times", () => {
  test.each([
    ["Pacific/Auckland", "2027-01-01T10:59:59Z"],
    ["America/New_York", "2027-01-02T04:59:59Z"],
  ])("a key ends with the day of a reader in %s", async (timezoneId, end) => {
    const { page, complaints, close } = await openReader(browser, portal.url, { timezoneId });
    await page.goto("/keys/new");
    await page.getByLabel("Public key").fill(freshKey());
    await page.getByLabel("Title").fill(timezoneId);
    await page.getByLabel("Expires on").fill("2027-01-01");
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByRole("link", { name: timezoneId }).click();
    const expires = page.locator("dt", { hasText: "Expires" }).locator("+ dd time");
    expect(new Date((await expires.getAttribute("datetime")) ?? 0)).toEqual(new Date(end));
    expect(await expires.textContent()).toContain("Jan 1, 2027");
    await close();
    expect(complaints).toEqual([]);
  });
});
