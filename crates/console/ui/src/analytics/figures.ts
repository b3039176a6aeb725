/** What analytics pages ask for, and how its figures are written. */

import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { answer, api } from "@/api/client";
import { EVERY_TEN_SECONDS } from "@/live/refresh";

export interface Span {
  days: number;
  process_name?: string;
}

export function useTrends(span: MaybeRefOrGetter<Span>) {
  return useQuery({
    queryKey: computed(() => ["analytics", "trends", toValue(span)]),
    queryFn: () => answer(api.GET("/api/processes/analytics/trends", { params: { query: toValue(span) } })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_TEN_SECONDS,
  });
}

export function useProcessFigures(span: MaybeRefOrGetter<Span>) {
  return useQuery({
    queryKey: computed(() => ["analytics", "processes", toValue(span)]),
    queryFn: () => answer(api.GET("/api/processes/analytics/all", { params: { query: toValue(span) } })),
    placeholderData: keepPreviousData,
  });
}

export function useStepFigures(span: MaybeRefOrGetter<Span>) {
  return useQuery({
    queryKey: computed(() => ["analytics", "steps", toValue(span)]),
    queryFn: () => answer(api.GET("/api/executions/analytics/steps", { params: { query: { ...toValue(span), limit: 10 } } })),
    placeholderData: keepPreviousData,
  });
}

/** A share of a hundred, as the API tells it. */
export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : `${Number(value.toFixed(1))} %`;

/** Days as people name them: `3 Nov`. */
export function day(date: string): string {
  const parsed = new Date(`${date}T00:00:00Z`);
  return Number.isNaN(parsed.getTime())
    ? date
    : new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }).format(parsed);
}

/** Lines of values as a CSV file, which spreadsheets open. A text that begins like a formula is kept a text. */
export function csv(lines: readonly (readonly (string | number | null)[])[]): string {
  const cell = (value: string | number | null): string => {
    if (value === null) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}
