/** What a person can do about an error, by its code (docs/language/errors-and-retries.md). */

const REMEDIES: Record<string, string> = {
  AGENT_UNAVAILABLE: "See on the page of the agents whether it runs; then retry from what failed.",
  AGENT_BUSY: "Retry when the agent has less to do, or give the step a longer timeout.",
  AGENT_ERROR: "Read what the agent answered; change its message or the agent, or retry if it was a passing fault.",
  RATE_LIMITED: "Retry later, or give the step a retry policy with longer waits.",
  OUTPUT_SCHEMA_MISMATCH: "Compare the answer with the step’s output_schema, and ask for that form in its message.",
  INTERRUPTED: "The server ended while it was under way. Retry from what failed.",
  SUB_PROCESS_FAILED: "Open the sub-process: its own failed step says why.",
  SLACK_ERROR: "Check the channel under Settings, Notifications.",
  EMAIL_ERROR: "Check the mail server under Settings, Notifications.",
  WEBHOOK_ERROR: "Check that the receiving server answers at this address.",
  TIMEOUT: "Give the step a longer timeout, or less to do.",
  AGENT_NOT_FOUND: "Name an agent that this server knows, or declare it in agents.yaml.",
  ACCESS_DENIED: "Let this server use the agent, or name another one.",
  UNAUTHORIZED: "Check the credentials that the server has for the agent.",
  APPROVAL_REJECTED: "Read the reason beside the request; a changed process or input can be run anew.",
  APPROVAL_EXPIRED: "Retry from what failed, and tell those who are asked.",
  CHANGES_REQUESTED: "Read the comment beside the request; on_changes_requested says which step does it anew.",
  VALIDATION_ERROR: "Run it again with an input that fits.",
  INVALID_CONFIG: "Look at the step’s part of the definition, with its values filled in.",
  UNDEFINED_REFERENCE: "Mend the reference in a new version; “Try it” in the editor shows each message filled in.",
  CONDITION_ERROR: "Mend the condition in a new version.",
  NO_MATCHING_ROUTE: "Give the gateway a default_route in a new version.",
  OUTPUT_TOO_LARGE: "Have the step hand out less.",
  PROCESS_NOT_FOUND: "Publish the process that it names.",
  NESTING_TOO_DEEP: "Flatten the sub-processes in a new version.",
  SUB_PROCESS_CANCELLED: "Retry from what failed to run the sub-process again.",
  BUDGET_EXCEEDED: "Raise the budget in a new version, or have agents do less.",
  EXECUTION_TIMEOUT: "Give the process a longer timeout in a new version, or retry from what failed.",
};

/** A sentence; nothing where there is no more to say than the error says itself. */
export const remedyOf = (code: string): string => REMEDIES[code] ?? "";
