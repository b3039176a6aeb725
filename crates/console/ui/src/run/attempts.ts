/** What the time line shows: attempts, waits and roll-backs as spans of time, read from a run's events. */

import type { HistoryEvent } from "@/api/queries";

export type SpanKind = "work" | "wait" | "undo";

export interface Span {
  kind: SpanKind;
  attempt: number;
  begin: number;
  /** Absent while it is under way. */
  end?: number;
  outcome: "running" | "completed" | "failed" | "interrupted";
}

export interface Row {
  step: string;
  name: string;
  spans: Span[];
}

const ENDS: Record<string, Span["outcome"]> = {
  StepCompleted: "completed",
  StepFailed: "failed",
  StepRetrying: "failed",
  StepInterrupted: "interrupted",
  StepCancelled: "interrupted",
  StepSkipped: "interrupted",
  CompensationCompleted: "completed",
  CompensationFailed: "failed",
  CompensationStepRetrying: "failed",
};
const WAITS = new Set(["StepWaiting", "StepWaitingApproval", "StepRetrying"]);

/** One row a step, in the order in which steps began. */
export function rowsOf(events: readonly HistoryEvent[]): Row[] {
  const rows = new Map<string, Row>();
  const open = new Map<string, Span>();
  for (const event of events) {
    const step = event.step_id;
    const at = Date.parse(event.timestamp);
    const type = event.event_type;
    if (step === undefined) {
      if (/^Process(Completed|Failed|Cancelled)$/.test(type)) {
        for (const span of open.values()) close(span, at, "interrupted");
        open.clear();
      }
      continue;
    }
    const isUndo = type.startsWith("Compensation");
    const begins = /^(Compensation)?Step(Started|Resumed)$/.test(type);
    if (!begins && !(type in ENDS) && !WAITS.has(type)) continue;
    const row = rows.get(step) ?? { step, name: event.step_name ?? step, spans: [] };
    const before = open.get(step);
    const attempt = event.attempt ?? before?.attempt ?? 1;
    if (before) {
      close(before, at, ENDS[type] ?? "completed");
      open.delete(step);
    }
    const span = spanOf(type, begins, isUndo, attempt, at);
    if (span) {
      row.spans.push(span);
      open.set(step, span);
    }
    if (row.spans.length > 0) rows.set(step, row);
  }
  return [...rows.values()];
}

function spanOf(type: string, begins: boolean, isUndo: boolean, attempt: number, begin: number): Span | undefined {
  if (begins) return { kind: isUndo ? "undo" : "work", attempt, begin, outcome: "running" };
  return WAITS.has(type) ? { kind: "wait", attempt, begin, outcome: "running" } : undefined;
}

function close(span: Span, end: number, outcome: Span["outcome"]): void {
  span.end = end;
  span.outcome = outcome;
}
