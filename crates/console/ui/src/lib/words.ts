/** How states, kinds and reasons of the API are said to people (docs/console.md). */

/** What a state means; the only thing that is told by colour. */
export type Tone = "good" | "bad" | "wait" | "work" | "calm";

export interface Said {
  word: string;
  tone: Tone;
}

const RUN_STATES: Record<string, Said> = {
  pending: { word: "Waiting to start", tone: "wait" },
  running: { word: "Running", tone: "work" },
  paused: { word: "Waiting", tone: "wait" },
  completed: { word: "Completed", tone: "good" },
  failed: { word: "Failed", tone: "bad" },
  cancelled: { word: "Cancelled", tone: "calm" },
};

const STEP_STATES: Record<string, Said> = {
  pending: { word: "Not started", tone: "calm" },
  running: { word: "Running", tone: "work" },
  waiting: { word: "Waiting", tone: "wait" },
  waiting_approval: { word: "Waiting for a person", tone: "wait" },
  completed: { word: "Completed", tone: "good" },
  failed: { word: "Failed", tone: "bad" },
  skipped: { word: "Skipped", tone: "calm" },
  cancelled: { word: "Cancelled", tone: "calm" },
};

const STEP_TYPES: Record<string, string> = {
  agent_task: "Agent task",
  human_approval: "Approval",
  gateway: "Gateway",
  timer: "Timer",
  notification: "Notification",
  sub_process: "Sub-process",
};

const SKIP_REASONS: Record<string, string> = {
  condition_false: "its condition was false",
  route_not_taken: "its gateway went another way",
  dead_path: "nothing that ran leads to it",
  handler_not_needed: "no error led to it",
  upstream_failed: "what comes before it failed",
  skipped_after_error: "it failed, and the process goes on without it",
  approval_timeout: "nobody decided in time",
  cancelled: "the run was cancelled",
};

const PROCESS_STATES: Record<string, Said> = {
  draft: { word: "Draft", tone: "wait" },
  published: { word: "Published", tone: "good" },
  archived: { word: "Archived", tone: "calm" },
};

const APPROVAL_STATES: Record<string, Said> = {
  pending: { word: "Open", tone: "wait" },
  approved: { word: "Approved", tone: "good" },
  rejected: { word: "Rejected", tone: "bad" },
  changes_requested: { word: "Changes requested", tone: "wait" },
  expired: { word: "Expired", tone: "calm" },
  cancelled: { word: "Cancelled", tone: "calm" },
  // As a vote says it.
  approve: { word: "Approved", tone: "good" },
  reject: { word: "Rejected", tone: "bad" },
  request_changes: { word: "Changes requested", tone: "wait" },
  expire: { word: "Expired", tone: "calm" },
};

const STARTED_BY: Record<string, string> = {
  api: "API",
  manual: "Person",
  schedule: "Schedule",
  webhook: "Webhook",
  sub_process: "Sub-process",
  retry: "Retry",
  mcp: "Agent",
};

/** `in_this_form` as a phrase, for words that this table does not know yet. */
export function plain(text: string): string {
  const spaced = text.replaceAll(/[_-]+/g, " ").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

function said(table: Record<string, Said>, state: string): Said {
  return table[state] ?? { word: plain(state), tone: "calm" };
}

export const runState = (state: string): Said => said(RUN_STATES, state);
export const stepState = (state: string): Said => said(STEP_STATES, state);
export const processState = (state: string): Said => said(PROCESS_STATES, state);
export const approvalState = (state: string): Said => said(APPROVAL_STATES, state);
export const stepType = (type: string): string => STEP_TYPES[type] ?? plain(type);
export const startedBy = (by: string): string => STARTED_BY[by] ?? plain(by);

/** Why a step did not run, as the end of a sentence. */
export const skipReason = (reason: string): string => SKIP_REASONS[reason] ?? plain(reason).toLowerCase();

/** States in which a run can still change. */
export const isLive = (state: string): boolean => ["pending", "running", "paused"].includes(state);

export interface Waiting {
  for: string;
  step_id?: string | null;
  until?: string | null;
  reason?: string | null;
}

const AWAITED: Record<string, string> = {
  limit: "A place to run",
  agent_queue: "Its agent's queue",
  agent: "A busy agent",
  rate_limit: "An agent's limit",
  breaker: "An agent that fails",
  timer: "Its time",
  back_off: "The next attempt",
  person: "A person",
  child: "Its sub-process",
  operator: "To be resumed",
};

/** What a run or step waits for, in as few words as a table has room for. */
export const awaited = (kind: string): string => AWAITED[kind] ?? plain(kind);

/** For what a run or step waits, as a sentence without its end; the time comes after it. */
export function waitingFor(waiting: Waiting, stepName: string | undefined): string {
  const step = stepName ? `“${stepName}”` : "The run";
  const because = waiting.reason ? ` (${waiting.reason})` : "";
  switch (waiting.for) {
    case "limit":
      return `${step} waits until fewer runs are under way${because}`;
    case "agent_queue":
      return `${step} stands in the queue of its agent${because}`;
    case "agent":
      return `${step} waits for its agent, which is busy${because}`;
    case "rate_limit":
      return `${step} waits because its agent takes no more calls for now${because}`;
    case "breaker":
      return `${step} waits because its agent has failed too often; it is asked again later${because}`;
    case "timer":
      return `${step} waits for its time${because}`;
    case "back_off":
      return `${step} failed and is tried again later${because}`;
    case "person":
      return `${step} waits for a person to decide${because}`;
    case "child":
      return `${step} waits for its sub-process${because}`;
    case "operator":
      return `${step} was paused by a person and goes on when it is resumed${because}`;
    default:
      return `${step} waits: ${plain(waiting.for).toLowerCase()}${because}`;
  }
}
