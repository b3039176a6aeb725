/**
 * Endpoints that `docs/openapi.json` does not describe yet, written by hand after their specification. A server that lacks
 * one answers 404, and the page says so. Each goes away from here once the description has it.
 */

import createClient from "openapi-fetch";

/** One try of a delivery: the description gives it the shape of a step's attempt, which has the same name there. */
export interface DeliveryAttempt {
  attempt: number;
  at: string;
  status?: number | null;
  error?: string | null;
  duration_seconds?: number | null;
}

/** How long completed runs took, in seconds, and what models read and wrote: beside the figures of days and processes. */
export interface Work {
  average?: number | null;
  p50?: number | null;
  p95?: number | null;
  waiting_seconds?: number | null;
  working_seconds?: number | null;
  input_tokens?: number;
  output_tokens?: number;
}

export interface Attention {
  kind: "failed" | "overdue_approval" | "breaker_open" | "missed_schedule" | "cost_alert" | "dead_delivery";
  at: string;
  text: string;
  execution_id?: string | null;
  approval_id?: string | null;
  alert_id?: string | null;
  process_name?: string | null;
}

interface Amount {
  amount: string;
  currency: string;
  complete: boolean;
}

/** What a row of the list of processes also tells: of the last 30 runs, how many of a hundred completed, and their cost. */
export interface RecentFigures {
  labels?: Record<string, string>;
  success_30?: number | null;
  exact_cost_per_run?: Amount | null;
}

/** A person's own view of the server. */
export interface Dashboard {
  active: number;
  pending: number;
  waiting_for_people: number;
  approvals_for_me: number;
  failed_24h: number;
  runs_24h: number;
  success_24h: number | null;
  cost_24h: string | null;
  exact_cost_24h: Amount | null;
  next_runs: { process_name: string; schedule_id: string; due_at: string }[];
  needs_attention: Attention[];
  health: { process_name: string; runs: number; success: number | null; p50: number | null; cost: string | null }[];
}

/** What is done to all runs that a filter leaves, at most 1,000. */
export interface BulkRequest {
  action: "cancel" | "retry" | "dismiss";
  filter: Record<string, string | undefined>;
  dry_run: boolean;
}

export interface BulkResults {
  matched: number;
  results: { id: string; ok: boolean; detail: string }[];
}

/** Filters of a list that a person keeps. */
export interface SavedView {
  id: string;
  name: string;
  page: string;
  filters: Record<string, string>;
}

interface Answers<Content, Status extends number = 200> {
  responses: Record<Status, { content: { "application/json": Content } }>;
}
type ById = { parameters: { path: { id: string } } };
export interface UpcomingPaths {
  "/api/dashboard": { get: Answers<Dashboard> };
  "/api/executions/bulk": { post: { requestBody: { content: { "application/json": BulkRequest } } } & Answers<BulkResults> };
  "/api/views": {
    get: Answers<{ views: SavedView[] }>;
    post: { requestBody: { content: { "application/json": Omit<SavedView, "id"> } } } & Answers<SavedView, 201>;
  };
  "/api/views/{id}": { delete: ById & Answers<unknown> };
}

/** The client of these endpoints. */
export const upcoming = createClient<UpcomingPaths>({ baseUrl: "", credentials: "same-origin" });
