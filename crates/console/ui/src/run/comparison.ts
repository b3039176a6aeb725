/** Two runs, step by step. */

import type { ExecutionStep } from "@/api/client";

export interface Side {
  step: ExecutionStep;
  /** Its place in the order in which steps began. */
  place: number | undefined;
}

export interface ComparedStep {
  id: string;
  name: string;
  a: Side | undefined;
  b: Side | undefined;
  /** Whether it ended differently, or after another number of failed attempts. */
  differs: boolean;
}

/** All steps of both, those of the first in its order, then what only the second has. */
export function compared(first: readonly ExecutionStep[], second: readonly ExecutionStep[]): ComparedStep[] {
  const a = sides(first);
  const b = sides(second);
  return [...new Set([...a.keys(), ...b.keys()])].map((id) => {
    const [one, other] = [a.get(id), b.get(id)];
    const differs = one?.step.state !== other?.step.state || one?.step.retry_count !== other?.step.retry_count;
    return { id, name: (one ?? other)?.step.name ?? id, a: one, b: other, differs };
  });
}

function sides(steps: readonly ExecutionStep[]): Map<string, Side> {
  const begun = steps.filter((step) => step.started_at && step.state !== "skipped");
  const order = begun.toSorted((x, y) => (x.started_at ?? "").localeCompare(y.started_at ?? "")).map((step) => step.step_id);
  return new Map(
    steps.map((step) => {
      const at = order.indexOf(step.step_id);
      return [step.step_id, { step, place: at === -1 ? undefined : at + 1 }];
    }),
  );
}
