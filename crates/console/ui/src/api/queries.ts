/** What pages ask the API for, each with the key under which it is remembered. */

import { keepPreviousData, type QueryClient, useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { EVERY_TEN_SECONDS } from "@/live/refresh";
import { answer, api, type ApprovalSummary, type ProcessSummary, whole } from "./client";

/** The most that the API hands out at once. */
const PAGE = 100;

export const useMe = () => useQuery({ queryKey: ["me"], queryFn: () => answer(api.GET("/api/users/me")), staleTime: 60_000 });

export interface RunFilter {
  status?: string;
  process_name?: string;
  triggered_by?: string;
  label?: string;
  waiting_for?: string;
  q?: string;
  started_after?: string;
  parent_id?: string;
  /** `progress`: also how far those are that have not ended, and for what they wait. */
  with?: "progress";
  limit?: number;
  cursor?: string;
}

export const fetchRuns = (filter: RunFilter) => answer(api.GET("/api/executions", { params: { query: { limit: PAGE, ...filter } } }));

export function useRuns(filter: MaybeRefOrGetter<RunFilter>) {
  return useQuery({
    queryKey: computed(() => ["runs", toValue(filter)]),
    queryFn: () => fetchRuns(toValue(filter)),
    placeholderData: keepPreviousData,
  });
}

export const fetchRun = (id: string) => answer(api.GET("/api/executions/{execution_id}", { params: { path: { execution_id: id } } }));

export const useRun = (id: MaybeRefOrGetter<string>) =>
  useQuery({
    queryKey: computed(() => ["run", toValue(id)]),
    queryFn: () => fetchRun(toValue(id)),
    // Before it is known which one.
    enabled: computed(() => toValue(id) !== ""),
  });

/** An event of a run's history. */
export interface HistoryEvent {
  id: number;
  sequence: number;
  event_type: string;
  timestamp: string;
  step_id?: string;
  step_name?: string;
  attempt?: number;
  [field: string]: unknown;
}

const EVENTS_PAGE = 1_000;

/** All events of a run; those already known are not asked for again. `tell` hears of the first pages while more are to come. */
export async function fetchEvents(
  id: string,
  known: readonly HistoryEvent[],
  tell: (events: readonly HistoryEvent[]) => void = () => {},
): Promise<readonly HistoryEvent[]> {
  let events = known;
  for (;;) {
    const query = { limit: EVENTS_PAGE, offset: events.length };
    const page = await answer(api.GET("/api/executions/{execution_id}/events", { params: { path: { execution_id: id }, query } }));
    if (page.length > 0) events = [...events, ...(page as unknown as HistoryEvent[])];
    if (page.length < EVENTS_PAGE) return events;
    tell(events);
  }
}

export function useEvents(client: QueryClient, id: MaybeRefOrGetter<string>, enabled: MaybeRefOrGetter<boolean>) {
  const key = computed(() => ["run", toValue(id), "events"]);
  return useQuery({
    queryKey: key,
    queryFn: ({ queryKey }) => {
      const known = client.getQueryData<readonly HistoryEvent[]>(queryKey) ?? [];
      return fetchEvents(toValue(id), known, (events) => client.setQueryData(queryKey, events));
    },
    enabled: computed(() => toValue(enabled)),
    // The events known are kept as they are, so that a long history is not compared at every new one.
    structuralSharing: false,
  });
}

/** How many events a run has. */
export function useEventCount(id: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => ["run", toValue(id), "event count"]),
    queryFn: async () => {
      const params = { path: { execution_id: toValue(id) }, query: { limit: 1 } };
      const { data, response } = await whole(api.GET("/api/executions/{execution_id}/events", { params }));
      return Number(response.headers.get("x-total-count") ?? data.length);
    },
  });
}

/** A run as it was after one of its events. */
export function useReplay(id: MaybeRefOrGetter<string>, at: MaybeRefOrGetter<number | undefined>) {
  return useQuery({
    queryKey: computed(() => ["replay", toValue(id), toValue(at)]),
    queryFn: () =>
      answer(
        api.GET("/api/executions/{execution_id}/replay", {
          params: { path: { execution_id: toValue(id) }, query: { at: toValue(at) ?? 1 } },
        }),
      ),
    enabled: computed(() => toValue(at) !== undefined),
    placeholderData: keepPreviousData,
    // What has been can't change.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
}

export function useStep(id: MaybeRefOrGetter<string>, step: MaybeRefOrGetter<string>, attempt: MaybeRefOrGetter<number | undefined>) {
  return useQuery({
    queryKey: computed(() => ["run", toValue(id), "step", toValue(step), toValue(attempt) ?? null]),
    queryFn: () =>
      answer(
        api.GET("/api/executions/{execution_id}/steps/{step_id}", {
          params: {
            path: { execution_id: toValue(id), step_id: toValue(step) },
            query: { attempt: toValue(attempt) },
          },
        }),
      ),
    placeholderData: keepPreviousData,
  });
}

export function useStepOutput(id: MaybeRefOrGetter<string>, step: MaybeRefOrGetter<string>, hash: MaybeRefOrGetter<string | undefined>) {
  return useQuery({
    queryKey: computed(() => ["output", toValue(id), toValue(step), toValue(hash)]),
    queryFn: () =>
      answer(
        api.GET("/api/executions/{execution_id}/steps/{step_id}/output", {
          params: { path: { execution_id: toValue(id), step_id: toValue(step) } },
        }),
      ),
    enabled: computed(() => toValue(hash) !== undefined),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export interface ProcessFilter {
  status?: string;
  name?: string;
  q?: string;
}

/** All versions that a filter leaves, the newest first. */
export async function fetchProcesses(filter: ProcessFilter): Promise<ProcessSummary[]> {
  const found: ProcessSummary[] = [];
  let cursor: string | undefined;
  do {
    const query = { ...filter, limit: PAGE, cursor };
    const page = await answer(api.GET("/api/processes", { params: { query } }));
    found.push(...page.processes);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

export function useProcesses(filter: MaybeRefOrGetter<ProcessFilter> = {}) {
  return useQuery({
    queryKey: computed(() => ["processes", toValue(filter)]),
    queryFn: () => fetchProcesses(toValue(filter)),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_TEN_SECONDS,
  });
}

export const fetchProcess = (id: string) => answer(api.GET("/api/processes/{process_id}", { params: { path: { process_id: id } } }));

export function useProcess(id: MaybeRefOrGetter<string | undefined>) {
  return useQuery({
    queryKey: computed(() => ["process", toValue(id)]),
    queryFn: () => fetchProcess(toValue(id) ?? ""),
    enabled: computed(() => toValue(id) !== undefined),
    staleTime: 5_000,
  });
}

export interface ApprovalFilter {
  status?: string;
  user?: string;
  execution_id?: string;
}

export async function fetchApprovals(filter: ApprovalFilter): Promise<{ approvals: ApprovalSummary[]; total: number }> {
  const { data, response } = await whole(api.GET("/api/approvals", { params: { query: { ...filter, limit: PAGE } } }));
  return { approvals: data, total: Number(response.headers.get("x-total-count") ?? data.length) };
}

export function useApprovals(filter: MaybeRefOrGetter<ApprovalFilter>, enabled: MaybeRefOrGetter<boolean> = true) {
  return useQuery({
    queryKey: computed(() => ["approvals", toValue(filter)]),
    queryFn: () => fetchApprovals(toValue(filter)),
    placeholderData: keepPreviousData,
    enabled: computed(() => toValue(enabled)),
  });
}

export function useApproval(id: MaybeRefOrGetter<string | undefined>) {
  return useQuery({
    queryKey: computed(() => ["approvals", "one", toValue(id)]),
    queryFn: () => answer(api.GET("/api/approvals/{approval_id}", { params: { path: { approval_id: toValue(id) ?? "" } } })),
    enabled: computed(() => toValue(id) !== undefined),
  });
}

export const useAgents = () =>
  useQuery({
    queryKey: ["agents"],
    queryFn: () => answer(api.GET("/api/agents")),
    refetchInterval: EVERY_TEN_SECONDS,
  });

export const usePeople = (enabled: MaybeRefOrGetter<boolean>) =>
  useQuery({
    queryKey: ["people"],
    queryFn: () => answer(api.GET("/api/users")),
    enabled: computed(() => toValue(enabled)),
  });

export const useKeys = (enabled: MaybeRefOrGetter<boolean>) =>
  useQuery({
    queryKey: ["keys"],
    queryFn: () => answer(api.GET("/api/keys")),
    enabled: computed(() => toValue(enabled)),
  });
