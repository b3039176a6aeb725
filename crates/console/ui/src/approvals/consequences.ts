/** What a process will do after each answer, in one sentence. */

import type { ApprovalDetail, DefinitionStep } from "@/api/client";

export interface Consequences {
  approve: string;
  changes: string;
  reject: string;
}

interface ApprovalStep {
  on_reject?: string;
  on_changes_requested?: { rerun: string; max: number } | null;
}

export function consequencesOf(request: ApprovalDetail, steps: readonly DefinitionStep[]): Consequences {
  const step = steps.find((one) => one.id === request.step_id);
  const asked = (step ?? {}) as ApprovalStep;
  const nameOf = (id: string): string => `“${steps.find((one) => one.id === id)?.name ?? id}”`;
  const next = steps.filter((one) => one.depends_on?.includes(request.step_id)).map((one) => `“${one.name}”`);
  const missing = request.required_approvals - request.approvals;

  const goesOn = next.length ? `The process goes on with ${listed(next)}.` : "The process goes on.";
  const approve = missing > 1 ? `${missing - 1} more must approve before the process goes on.` : goesOn;

  const rerun = asked.on_changes_requested;
  const changes = rerun
    ? `The process goes back to ${nameOf(rerun.rerun)} with your comment, and asks again.`
    : "The process does not say what to do then, so it counts as a rejection.";

  let reject = "The step fails, and with it the run.";
  if (asked.on_reject === "continue") reject = "The process goes on, and knows that it was rejected.";
  else if (step?.on_error.action === "goto_step" && step.on_error.target_step)
    reject = `The process goes on with ${nameOf(step.on_error.target_step)}.`;
  else if (step?.on_error.action === "skip_step") reject = "The step is passed over, and the process goes on.";
  return { approve, changes, reject };
}

function listed(names: readonly string[]): string {
  if (names.length <= 1) return names[0] ?? "";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
