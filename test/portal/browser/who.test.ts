import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../cluster/cluster.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { type PortalProcess, startPortal } from "../portalprocess.ts";
import { launchChromium, openReader, type Reader } from "./reader.ts";

let cluster: Cluster;
let portal: PortalProcess;
let browser: Browser;
let reader: Reader;

const SECRET = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ";
const PRIVATE = `-----BEGIN OPENSSH PRIVATE KEY-----\n${SECRET}\n-----END OPENSSH PRIVATE KEY-----\n`;

/** Pastes it as a person does, but for the text: what a script's event holds, no browser puts in by itself. */
const PASTE = `(() => {
  const field = document.querySelector("textarea");
  const clipboardData = new DataTransfer();
  clipboardData.setData("text", ${JSON.stringify(PRIVATE)});
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  if (field.dispatchEvent(event)) field.value = ${JSON.stringify(PRIVATE)};
})()`;

const COMPLAINT = "document.querySelector('textarea').validationMessage";

beforeAll(async () => {
  cluster = await sharedCluster();
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "alice", "--insecure-admin"];
  portal = await startPortal({ kubeconfig, namespace: await cluster.namespace(), args });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await portal?.stop();
  await cluster?.stop();
});

afterEach(async () => {
  await reader?.close();
  expect(reader?.complaints ?? []).toEqual([]);
});

describe("a private key in the question whose a key is", () => {
  test("does not get into the field when it is pasted", async () => {
    reader = await openReader(browser, portal.url);
    const { page } = reader;
    await page.goto("/who");
    const field = page.getByLabel("Fingerprints");
    await page.evaluate(PASTE);
    expect(await field.inputValue()).toBe("");
  });

  test("is not sent when it is typed, and the next question is", async () => {
    reader = await openReader(browser, portal.url);
    const { page, sent } = reader;
    await page.goto("/who");
    const field = page.getByLabel("Fingerprints");
    await field.fill(PRIVATE);
    await page.getByRole("button", { name: "Who is it?" }).click();
    expect(await page.evaluate<string>(COMPLAINT)).toContain("private key");
    await field.fill(`SHA256:${"A".repeat(43)}`);
    await page.getByRole("button", { name: "Who is it?" }).click();
    await page.getByText("Nobody here has this key").waitFor();
    expect(sent.join("\n")).not.toContain(SECRET);
  });
});
