/**
 * Changes of the address of the page that is open, such as a filter. Those of one moment become one change, and none
 * undoes what a person has done meanwhile: once they are on their way to another page, a late change is dropped, and made
 * only if they stay after all.
 */

import type { LocationQueryRaw, RouteLocation, Router } from "vue-router";

type Destination = Pick<RouteLocation, "path" | "fullPath" | "query" | "hash">;

interface Change {
  /** The page that it belongs to. */
  path: string;
  query: LocationQueryRaw;
  /** Whether `Back` leads to what was before it. */
  isStep: boolean;
}

export class AddressChanges {
  private underWay: Destination | undefined;
  private waiting: Change | undefined;

  constructor(private readonly router: Router) {
    router.beforeEach((to) => void (this.underWay = to));
    router.afterEach((to) => this.ended(to));
    router.onError((_error, to) => this.ended(to));
  }

  /** Gives a parameter of a page's address a value; without one it goes away. */
  set(path: string, name: string, value: string, isStep: boolean): void {
    if (this.waiting?.path !== path) {
      if (!this.waiting) queueMicrotask(() => this.make());
      this.waiting = { path, query: {}, isStep: false };
    }
    this.waiting.query[name] = value || undefined;
    this.waiting.isStep ||= isStep;
  }

  private make(): void {
    const change = this.waiting;
    if (!change) return;
    const here = this.router.currentRoute.value;
    // On the way to another page it waits for what comes of that.
    if (this.underWay && this.underWay.path !== change.path) return;
    this.waiting = undefined;
    if (here.path !== change.path) return;
    const { query, hash } = this.underWay ?? here;
    const target = { query: { ...query, ...change.query }, hash };
    this.underWay = this.router.resolve(target);
    void (change.isStep ? this.router.push(target) : this.router.replace(target));
  }

  private ended(to: Destination): void {
    // A navigation that another has overtaken ends after that one has begun.
    if (this.underWay?.fullPath !== to.fullPath) return;
    this.underWay = undefined;
    this.make();
  }
}
