/** The figures of a day and of a week, for the overview. */

import type { ExecutionSummary, TrendsResponse } from "@/api/client";
import { day, percent } from "@/analytics/figures";
import { type ExactCost, money } from "@/lib/text";

export interface PeriodOfRuns {
  runs: number;
  success: string;
  cost: string;
  /** Whether what some calls cost is not known. */
  isIncomplete: boolean;
  /** Completed, failed and others, by hour or day. */
  bars: { label: string; values: [number, number, number] }[];
  note?: string;
}

const HOUR = 3_600_000;
const HOURS = 24;

/** The last 24 hours, from the runs that began in them. `total` is how many there are, of which `runs` are the newest. */
export function lastDay(runs: readonly ExecutionSummary[], total: number, now: number): PeriodOfRuns {
  const bars = Array.from({ length: HOURS }, (_, index): PeriodOfRuns["bars"][number] => {
    const ago = HOURS - 1 - index;
    return { label: ago === 0 ? "this hour" : `${ago} h ago`, values: [0, 0, 0] };
  });
  for (const run of runs) {
    const ago = Math.floor((now - Date.parse(run.started_at ?? run.created_at)) / HOUR);
    const bar = bars[HOURS - 1 - Math.min(Math.max(ago, 0), HOURS - 1)];
    if (bar) bar.values[run.status === "completed" ? 0 : run.status === "failed" ? 1 : 2] += 1;
  }
  const completed = runs.filter((run) => run.status === "completed").length;
  // What a sub-process costs is in the cost of the run that called it.
  const wholes = runs.filter((run) => !run.parent_execution_id);
  const ended = completed + runs.filter((run) => run.status === "failed").length;
  return {
    runs: total,
    success: ended ? percent((completed / ended) * 100) : "–",
    ...costOf(sumOf(wholes.map((run) => run.exact_cost))),
    bars,
    note: total > runs.length ? `Success and cost of the newest ${runs.length}` : undefined,
  };
}

/** The last days, as the server counts them. */
export function lastDays(trends: TrendsResponse): PeriodOfRuns {
  const ended = trends.total_completed + trends.total_failed;
  return {
    runs: trends.total_executions,
    success: ended ? percent(trends.overall_success_rate) : "–",
    ...costOf(trends.exact_cost),
    bars: trends.daily_trends.map((one) => ({
      label: day(one.date),
      values: [one.completed_count, one.failed_count, one.execution_count - one.completed_count - one.failed_count],
    })),
  };
}

const costOf = (cost: ExactCost | null): { cost: string; isIncomplete: boolean } => ({
  cost: money(cost ? { ...cost, complete: true } : null),
  isIncomplete: cost?.complete === false,
});

/** The sum of amounts, exact to the last of their digits. */
export function sumOf(costs: readonly (ExactCost | null | undefined)[]): ExactCost | null {
  const known = costs.filter((cost) => cost !== null && cost !== undefined);
  const first = known[0];
  if (!first) return null;
  const digits = Math.max(...known.map((cost) => cost.amount.split(".")[1]?.length ?? 0));
  const scaled = known.reduce((sum, cost) => sum + scaledBy(cost.amount, digits), 0n);
  const text = String(scaled).padStart(digits + 1, "0");
  const amount = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return { amount, currency: first.currency, complete: known.every((cost) => cost.complete) };
}

function scaledBy(amount: string, digits: number): bigint {
  const [whole = "0", fraction = ""] = amount.split(".");
  return BigInt(whole + fraction.padEnd(digits, "0"));
}
