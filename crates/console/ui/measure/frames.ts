/** What a page does to the frames of a browser: measured in the page itself. */

import type { Page } from "@playwright/test";

/** From the start of a navigation until what matches is painted, in milliseconds: the best of three, its files known. */
export async function timeUntilPainted(page: Page, address: string, selector: string): Promise<number> {
  await page.goto(address);
  await page.locator(selector).first().waitFor();
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await page.goto("about:blank");
    await page.goto(address);
    const handle = await page.waitForFunction(() => (globalThis as { painted?: number }).painted);
    times.push((await handle.jsonValue()) ?? Number.NaN);
  }
  return Math.min(...times);
}

/** Has every page note when what matches has been painted. */
export async function notePainting(page: Page, selector: string): Promise<void> {
  await page.addInitScript((wanted) => {
    const look = (): void => {
      const shown = [...document.querySelectorAll(wanted)].some((element) => element.getClientRects().length > 0);
      if (!shown || document.querySelector("h1") === null) return void requestAnimationFrame(look);
      // The frame in which it is there is painted when the next one begins.
      requestAnimationFrame(() => Object.assign(globalThis, { painted: performance.now() }));
    };
    requestAnimationFrame(look);
  }, selector);
}

export interface Frames {
  /** How many a second. */
  rate: number;
  /** The longest, in milliseconds. */
  longest: number;
}

/** The frames while a part of the page is scrolled from its beginning on. */
export function framesWhileScrolling(page: Page, selector: string, axis: "x" | "y"): Promise<Frames> {
  return page.evaluate(
    async ([wanted, direction]) => {
      const found = wanted === "" ? document.scrollingElement : document.querySelector(wanted);
      if (!found) throw new Error(`nothing matches ${wanted}`);
      const room = direction === "x" ? found.scrollWidth - found.clientWidth : found.scrollHeight - found.clientHeight;
      if (room <= 0) throw new Error(`${wanted} has nothing to scroll to`);
      const step = Math.min(60, room / 120);
      const lengths: number[] = [];
      let before = await new Promise<number>(requestAnimationFrame);
      for (let frame = 0; frame < 120; frame += 1) {
        if (direction === "x") found.scrollLeft += step;
        else found.scrollTop += step;
        const now = await new Promise<number>(requestAnimationFrame);
        lengths.push(now - before);
        before = now;
      }
      const whole = lengths.reduce((sum, one) => sum + one, 0);
      return { rate: (lengths.length / whole) * 1_000, longest: Math.max(...lengths) };
    },
    [selector, axis] as const,
  );
}

/** Begins to watch the frames of a page; the answer ends that and tells the longest, in milliseconds. */
export async function watchFrames(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const watched = { longest: 0, isOver: false };
    Object.assign(globalThis, { watched });
    let before = performance.now();
    const look = (now: number): void => {
      watched.longest = Math.max(watched.longest, now - before);
      before = now;
      if (!watched.isOver) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  return () =>
    page.evaluate(() => {
      const { watched } = globalThis as unknown as { watched: { longest: number; isOver: boolean } };
      watched.isOver = true;
      return watched.longest;
    });
}

export const elementsIn = (page: Page): Promise<number> => page.evaluate(() => document.querySelectorAll("*").length);

/** The memory of the page's scripts after what is not needed has been thrown away, in bytes. */
export async function memoryOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  await session.detach();
  return metrics.find((metric) => metric.name === "JSHeapUsedSize")?.value ?? Number.NaN;
}
