import { createRouter, createWebHistory } from "vue-router";
import { AddressChanges } from "./lib/address";

declare module "vue-router" {
  interface RouteMeta {
    /** Whether the page stands alone, without the navigation. */
    isAlone?: boolean;
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/login", name: "login", component: () => import("./pages/LoginPage.vue"), meta: { isAlone: true } },
    { path: "/", name: "overview", component: () => import("./pages/OverviewPage.vue") },
    { path: "/processes", name: "processes", component: () => import("./pages/ProcessesPage.vue") },
    { path: "/processes/new", name: "new-process", component: () => import("./pages/NewProcessPage.vue") },
    { path: "/processes/:name", name: "process", component: () => import("./pages/ProcessPage.vue"), props: true },
    { path: "/processes/:name/edit", name: "edit", component: () => import("./pages/EditPage.vue"), props: true },
    { path: "/runs", name: "runs", component: () => import("./pages/RunsPage.vue") },
    { path: "/runs/:id", name: "run", component: () => import("./pages/RunPage.vue"), props: true },
    { path: "/compare", name: "compare", component: () => import("./pages/ComparePage.vue") },
    { path: "/approvals", name: "approvals", component: () => import("./pages/ApprovalsPage.vue") },
    { path: "/schedules", name: "schedules", component: () => import("./pages/SchedulesPage.vue") },
    { path: "/analytics", name: "analytics", component: () => import("./pages/AnalyticsPage.vue") },
    { path: "/agents", name: "agents", component: () => import("./pages/AgentsPage.vue") },
    { path: "/deliveries", name: "deliveries", component: () => import("./pages/DeliveriesPage.vue") },
    { path: "/audit", name: "audit", component: () => import("./pages/AuditPage.vue") },
    { path: "/help/:slug(.*)*", name: "help", component: () => import("./pages/HelpPage.vue") },
    { path: "/settings", name: "settings", component: () => import("./pages/SettingsPage.vue") },
    { path: "/:path(.*)*", name: "nothing", component: () => import("./pages/NothingPage.vue") },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
});

export const addressChanges = new AddressChanges(router);
