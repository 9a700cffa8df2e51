import type { Browser, Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { openReader, overhang, type Reader, type ReaderOptions, violations } from "./reader.ts";

/** What depends on colours alone; all other rules say the same in every theme. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

/** How far things have moved by themselves since the page was made (Layout Instability API). */
const LAYOUT_SHIFT = `new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})`;

const PAINTED = `new Promise((resolve) => {
  new PerformanceObserver((list) => {
    if (list.getEntriesByName("first-contentful-paint").length > 0) resolve(true);
  }).observe({ type: "paint", buffered: true });
})`;

/** What a script does before the first paint moves nothing: on a fast machine that hides what others see. */
async function runScriptsAfterPaint(page: Page): Promise<void> {
  await page.route("**/*.js", async (route) => {
    await eventually("the page is painted", async () => await page.evaluate<boolean>(PAINTED));
    await route.continue();
  });
}

/** A page for `testLooks`: one for many states, because a new one costs more than all that is asked of it. */
export async function openLooks(browser: Browser, url: string, options?: ReaderOptions): Promise<Reader> {
  const reader = await openReader(browser, url, options);
  await runScriptsAfterPaint(reader.page);
  return reader;
}

/**
 * Makes the tests that hold of each state of each page. `lead` brings the page there, which is done once for all of them:
 * pages follow a change of theme and width at once, as those of somebody whose system turns dark in the evening.
 */
export function testLooks(reader: () => Reader, lead: (page: Page) => Promise<unknown>): void {
  let page: Page;

  beforeAll(async () => {
    reader().forget();
    page = reader().page;
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 720 });
    await lead(page);
  });

  test("stays where it is while it is loaded", async () => {
    expect(await page.evaluate<number>(LAYOUT_SHIFT)).toBe(0);
  });

  test("has nothing that axe finds", async () => {
    expect(await violations(page)).toEqual([]);
  });

  test("has nothing that axe finds in dark colours", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await violations(page, COLOUR_RULES)).toEqual([]);
  });

  test("fits into 320 pixels", async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await overhang(page)).toBeLessThanOrEqual(0);
  });

  test("complains of nothing", () => {
    expect(reader().complaints).toEqual([]);
  });
}
