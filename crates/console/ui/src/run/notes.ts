/** What a step's node in the graph says beside its state. */

import type { ExecutionStep } from "@/api/client";
import { between, duration } from "@/lib/time";

/** How long it took until `present`, and what is odd about it. */
export function noteOf(step: ExecutionStep, present: number): string {
  const took =
    step.started_at && step.state !== "skipped"
      ? duration(between(step.started_at, step.completed_at, step.completed_at ? 0 : present))
      : "";
  const tries = step.retry_count > 0 ? `${step.retry_count} failed` : "";
  const rounds = step.round > 1 ? `round ${step.round}` : "";
  return [took, tries, rounds, step.reused ? "reused" : "", step.compensated === "completed" ? "rolled back" : ""]
    .filter(Boolean)
    .join(" · ");
}
