import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryHistory, createRouter, type Router } from "vue-router";
import { AddressChanges } from "./address";

const page = { render: () => null };
let router: Router;
let changes: AddressChanges;
/** Lets the page that loads slowly come. */
let arrive: () => void;
let mayLeave: boolean;

beforeEach(async () => {
  mayLeave = true;
  router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: "/list", component: page },
      { path: "/slow", component: () => new Promise<typeof page>((then) => (arrive = () => then(page))) },
    ],
  });
  changes = new AddressChanges(router);
  router.beforeEach((_to, from) => from.path !== "/list" || _to.path === "/list" || mayLeave);
  await router.push("/list");
});

/** Until the router has done what it can. */
const settled = (): Promise<void> => new Promise((then) => setTimeout(then));
const here = (): string => router.currentRoute.value.fullPath;

describe("changes of the address", () => {
  test("of one moment are one change, and later ones keep what was set before", async () => {
    changes.set("/list", "status", "failed", false);
    changes.set("/list", "label", "a=b", false);
    await settled();
    expect(router.currentRoute.value.query).toEqual({ status: "failed", label: "a=b" });
    changes.set("/list", "status", "", false);
    changes.set("/list", "label", "", false);
    await settled();
    expect(here()).toBe("/list");
  });

  test("that come while another is being made keep it", async () => {
    changes.set("/list", "a", "1", false);
    await Promise.resolve();
    changes.set("/list", "b", "2", false);
    await settled();
    expect(router.currentRoute.value.query).toEqual({ a: "1", b: "2" });
  });

  test("that come after a link was followed don't bring the page back", async () => {
    const away = router.push("/slow");
    await settled();
    changes.set("/list", "q", "late", false);
    await settled();
    arrive();
    await away;
    await settled();
    expect(here()).toBe("/slow");
  });

  test("are made when one stays after all", async () => {
    mayLeave = false;
    const away = router.push("/slow");
    changes.set("/list", "q", "kept", false);
    await away;
    await settled();
    expect(here()).toBe("/list?q=kept");
  });

  test("of a page that was left are none", async () => {
    await router.push("/list?q=1");
    changes.set("/elsewhere", "q", "2", false);
    await settled();
    expect(here()).toBe("/list?q=1");
  });
});
