/** Schedules and webhooks. */

import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { EVERY_TEN_SECONDS } from "@/live/refresh";
import { answer, api } from "./client";

export const useSchedules = () =>
  useQuery({
    queryKey: ["schedules"],
    queryFn: () => answer(api.GET("/api/triggers/schedules")),
    refetchInterval: EVERY_TEN_SECONDS,
  });

export const useWebhooks = () =>
  useQuery({ queryKey: ["webhooks"], queryFn: () => answer(api.GET("/api/triggers")), refetchInterval: EVERY_TEN_SECONDS });

/** The path of a webhook whose id alone may mean several processes'. */
export const webhookPath = (process: string, trigger: string): string => `${process}/${trigger}`;

/** The calls of a webhook so far. */
export function useCalls(path: MaybeRefOrGetter<string>, enabled: MaybeRefOrGetter<boolean> = true) {
  return useQuery({
    queryKey: computed(() => ["webhooks", "calls", toValue(path)]),
    queryFn: async () =>
      (await answer(api.GET("/api/triggers/{trigger_id}/history", { params: { path: { trigger_id: toValue(path) } } }))).calls,
    enabled: computed(() => toValue(enabled)),
    refetchInterval: EVERY_TEN_SECONDS,
  });
}
