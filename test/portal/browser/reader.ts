import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { findChromium } from "./findchromium.ts";

/** Nothing that Chromium does of its own accord reaches for a network. */
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** `more`: further flags. */
export async function launchChromium(more: readonly string[] = []): Promise<Browser> {
  // Chromium's sandbox refuses root.
  const isRoot = process.getuid?.() === 0;
  return await chromium.launch({
    executablePath: findChromium(),
    chromiumSandbox: !isRoot,
    args: [...FLAGS, ...more],
  });
}

/** A page in a browser of its own, and what was wrong in it. */
export interface Reader {
  readonly page: Page;
  /** Errors of scripts and of the console, refusals of the content security policy, and requests to another origin. */
  readonly complaints: readonly string[];
  /** Bodies of all requests since the page was made. */
  readonly sent: readonly string[];
  close(): Promise<void>;
}

export async function openReader(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Reader> {
  const context = await browser.newContext({ baseURL: url, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const [complaints, sent]: [string[], string[]] = [[], []];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // Each answer that is no success makes one, also the form with problems in it.
    const isStatus = message.text().startsWith("Failed to load resource: the server responded");
    if (message.type() === "error" && !isStatus) complaints.push(message.text());
  });
  page.on("request", (request) => {
    const to = new URL(request.url());
    const body = request.postDataBuffer()?.toString("latin1");
    if (body !== undefined) sent.push(body);
    if (to.origin !== new URL(url).origin) complaints.push(`a request to ${to.origin}`);
  });
  return { page, complaints, sent, close: () => context.close() };
}

/** What axe finds: rule and elements. */
export async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: what the script before has defined
    const { axe } = globalThis as any;
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run({ runOnly: tags });
    return violations as { id: string; help: string; nodes: { target: string[] }[] }[];
  });
  return found.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target).join(", ")}`,
  );
}

/** By how many pixels the page is wider than its window. */
export async function overhang(page: Page): Promise<number> {
  return await page.evaluate<number>("document.documentElement.scrollWidth - window.innerWidth");
}
