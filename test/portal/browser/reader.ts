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
    // People's browsers bring pages back as they were, which Playwright would have loaded anew. One that must not be brought
    // back and is makes goBack wait in vain: it fires no load.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
    args: [...FLAGS, ...more],
  });
}

/** A page in a browser of its own, and what was wrong in it. */
export interface Reader {
  readonly page: Page;
  /** Errors of scripts and of the console, refusals of the content security policy, and requests to another origin. */
  readonly complaints: readonly string[];
  /** Bodies of all requests. */
  readonly sent: readonly string[];
  /** Empties both lists. */
  forget(): void;
  close(): Promise<void>;
}

export interface ReaderOptions extends BrowserContextOptions {
  /** Another origin to which the portal may lead. */
  readonly issuer?: string;
}

export async function openReader(
  browser: Browser,
  url: string,
  { issuer, ...options }: ReaderOptions = {},
): Promise<Reader> {
  const origins = [url, issuer ?? url].map((each) => new URL(each).origin);
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
    if (!origins.includes(to.origin)) complaints.push(`a request to ${to.origin}`);
  });
  return {
    page,
    complaints,
    sent,
    forget() {
      complaints.length = 0;
      sent.length = 0;
    },
    close: () => context.close(),
  };
}

/** Readers that one test takes after the other, since a new one costs more than most tests do: each begins without cookies. */
export class Readers {
  readonly #open: (javaScriptEnabled: boolean) => Promise<Reader>;
  readonly #idle: Readonly<Record<"true" | "false", Reader[]>> = { true: [], false: [] };
  readonly #taken: { readonly reader: Reader; readonly javaScriptEnabled: boolean }[] = [];

  constructor(open: (javaScriptEnabled: boolean) => Promise<Reader>) {
    this.#open = open;
  }

  /** Until the end of the test nobody else has it. */
  async take(javaScriptEnabled = true): Promise<Reader> {
    const reader = this.#idle[`${javaScriptEnabled}`].pop() ?? (await this.#open(javaScriptEnabled));
    this.#taken.push({ reader, javaScriptEnabled });
    return reader;
  }

  /** After a test: gives what was wrong in it. */
  async giveBack(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const { reader, javaScriptEnabled } of this.#taken.splice(0)) {
      await reader.page.context().clearCookies();
      found.push(...reader.complaints);
      reader.forget();
      this.#idle[`${javaScriptEnabled}`].push(reader);
    }
    return found;
  }
}

/** What axe finds: rule and elements. By `rules` alone, or by all that stand for WCAG 2.2 AA and good practice. */
export async function violations(page: Page, rules?: readonly string[]): Promise<readonly string[]> {
  if (!(await page.evaluate<boolean>("'axe' in globalThis"))) await page.evaluate(axe.source);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await page.evaluate(
    async (runOnly) => {
      // biome-ignore lint/suspicious/noExplicitAny: what the script before has defined
      const { axe } = globalThis as any;
      const { violations } = await axe.run({ runOnly, resultTypes: ["violations"] });
      return violations as { id: string; help: string; nodes: { target: string[] }[] }[];
    },
    rules === undefined ? { type: "tag", values: tags } : { type: "rule", values: [...rules] },
  );
  return found.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target).join(", ")}`,
  );
}

/** By how many pixels the page is wider than its window. */
export async function overhang(page: Page): Promise<number> {
  return await page.evaluate<number>("document.documentElement.scrollWidth - window.innerWidth");
}
