/**
 * Live events make what is shown be asked for again: what an event touches, not more often than a person can read.
 * What has no events is asked for every ten seconds while it is shown (docs/console.md).
 */

import type { QueryClient } from "@tanstack/vue-query";
import { connection, type LiveEvent } from "./connection";

/** Between two refreshes of the same thing, in milliseconds. */
const REST = 400;

/** For what has no events, in milliseconds. */
export const EVERY_TEN_SECONDS = 10_000;

/** What events tell of, by the beginning of its key. */
const TOLD_BY_EVENTS = new Set<unknown>(["runs", "run", "approvals"]);

/** Calls `act` at once and then at most once in `rest` milliseconds, the last call never lost. */
export function atMostEvery(rest: number, act: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsked = false;
  const run = (): void => {
    isAsked = false;
    act();
    timer = setTimeout(() => {
      timer = undefined;
      if (isAsked) run();
    }, rest);
  };
  return () => {
    if (timer === undefined) run();
    else isAsked = true;
  };
}

export function refreshByEvents(client: QueryClient): () => void {
  const lists = atMostEvery(REST * 2, () => void client.invalidateQueries({ queryKey: ["runs"] }));
  const approvals = atMostEvery(REST, () => void client.invalidateQueries({ queryKey: ["approvals"] }));
  const runs = new Map<string, () => void>();
  const refreshRun = (id: string): void => {
    const known = runs.get(id);
    const refresh = known ?? atMostEvery(REST, () => void client.invalidateQueries({ queryKey: ["run", id] }));
    if (!known) runs.set(id, refresh);
    refresh();
  };
  const stopListening = connection.listen((events: LiveEvent[]) => {
    for (const id of new Set(events.map((event) => event.executionId))) {
      const known = client.getQueryCache().findAll({ queryKey: ["run", id] });
      if (known.some((query) => query.isActive())) refreshRun(id);
    }
    if (events.some((event) => event.type.startsWith("execution:"))) lists();
    if (events.some((event) => event.type.startsWith("approval:") || event.type.startsWith("execution:"))) approvals();
  });
  const stopReturning = connection.whenOpen((wasAway) => {
    void client.invalidateQueries(wasAway ? {} : { predicate: (query) => TOLD_BY_EVENTS.has(query.queryKey[0]) });
  });
  return () => {
    stopListening();
    stopReturning();
  };
}
