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
      const isShown = client
        .getQueryCache()
        .find({ queryKey: ["run", id], exact: false })
        ?.isActive();
      if (isShown) refreshRun(id);
    }
    if (events.some((event) => event.type.startsWith("execution:"))) lists();
    if (events.some((event) => event.type.startsWith("approval:") || event.type.startsWith("execution:"))) approvals();
  });
  const stopReturning = connection.whenBack(() => void client.invalidateQueries());
  return () => {
    stopListening();
    stopReturning();
  };
}
