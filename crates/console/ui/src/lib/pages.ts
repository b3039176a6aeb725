/** The pages that the navigation and the palette lead to. */

export const MAIN_PAGES = [
  { name: "Overview", to: "/" },
  { name: "Processes", to: "/processes" },
  { name: "Runs", to: "/runs" },
  { name: "Approvals", to: "/approvals" },
  { name: "Schedules", to: "/schedules" },
  { name: "Analytics", to: "/analytics" },
  { name: "Agents", to: "/agents" },
] as const;

export const MORE_PAGES = [
  { name: "Deliveries", to: "/deliveries" },
  { name: "Audit", to: "/audit" },
  { name: "Settings", to: "/settings" },
  { name: "Help", to: "/help" },
] as const;
