import { describe, expect, test } from "vitest";
import type { HistoryEvent } from "@/api/queries";
import type { ApprovalDetail, DefinitionStep } from "@/api/client";
import { consequencesOf } from "@/approvals/consequences";
import { fieldsOf, problemOf, valueOf } from "@/process/inputFields";
import { rowsOf } from "./attempts";

describe("the time line", () => {
  const history = (...events: [number, string, string?, number?][]): HistoryEvent[] =>
    events.map(([second, event_type, step_id, attempt], index) => ({
      id: index,
      sequence: index + 1,
      event_type,
      timestamp: new Date(second * 1_000).toISOString(),
      step_id,
      step_name: step_id,
      attempt,
    }));

  test("has a span for each attempt and each wait between two", () => {
    const [row] = rowsOf(
      history(
        [0, "ProcessStarted"],
        [1, "StepStarted", "a", 1],
        [3, "StepRetrying", "a", 1],
        [8, "StepStarted", "a", 2],
        [9, "StepCompleted", "a"],
      ),
    );
    expect(row?.spans).toEqual([
      { kind: "work", attempt: 1, begin: 1_000, end: 3_000, outcome: "failed" },
      { kind: "wait", attempt: 1, begin: 3_000, end: 8_000, outcome: "completed" },
      { kind: "work", attempt: 2, begin: 8_000, end: 9_000, outcome: "completed" },
    ]);
  });

  test("leaves open what is under way, and ends with the run what the run broke off", () => {
    const open = rowsOf(history([1, "StepStarted", "a", 1], [2, "StepStarted", "b", 1], [3, "StepWaitingApproval", "b"]));
    expect(open.map((row) => row.spans.map((span) => [span.kind, span.end]))).toEqual([
      [["work", undefined]],
      [
        ["work", 3_000],
        ["wait", undefined],
      ],
    ]);
    const [ended] = rowsOf(history([1, "StepStarted", "a", 1], [5, "ProcessCancelled"]));
    expect(ended?.spans[0]).toMatchObject({ end: 5_000, outcome: "interrupted" });
  });

  test("shows a roll-back below the work of its step, and no row for what never began", () => {
    const rows = rowsOf(
      history(
        [1, "StepStarted", "a", 1],
        [2, "StepCompleted", "a"],
        [3, "StepSkipped", "b"],
        [4, "CompensationStepStarted", "a", 1],
        [6, "CompensationCompleted", "a"],
      ),
    );
    expect(rows.map((row) => row.step)).toEqual(["a"]);
    expect(rows[0]?.spans.at(-1)).toEqual({ kind: "undo", attempt: 1, begin: 4_000, end: 6_000, outcome: "completed" });
  });
});

describe("the form of a start", () => {
  const fields = fieldsOf(
    {
      topic: { type: "string", required: true },
      limit: { type: "integer", default: 80 },
      tags: { type: "array", default: ["a"] },
      dry: { type: "boolean" },
    },
    [{ field: "topic" }, { field: "person" }],
  );

  test("has a field for each input, declared or only read, with its default", () => {
    expect(fields.map((field) => [field.name, field.required, field.initial])).toEqual([
      ["topic", true, ""],
      ["limit", false, "80"],
      ["tags", false, '[\n  "a"\n]'],
      ["dry", false, ""],
      ["person", true, ""],
    ]);
  });

  test("says what is wrong with what was typed", () => {
    const problems = fields.map((field) => problemOf(field, { topic: " ", limit: "8.5", tags: "{}" }[field.name] ?? "x"));
    expect(problems).toEqual(["This is needed.", "Write a whole number.", "Write a JSON list, such as [1, 2].", undefined, undefined]);
    expect(problemOf(fields[2]!, "[1")).toMatch(/^This is no JSON: /);
  });

  test("sends values of their types and leaves out what is empty", () => {
    expect(valueOf(fields, { topic: "tea", limit: "7", tags: "[1]", dry: "false", person: "" })).toEqual({
      topic: "tea",
      limit: 7,
      tags: [1],
      dry: false,
    });
  });
});

describe("what an answer leads to", () => {
  const request = { step_id: "ask", required_approvals: 1, approvals: 0 } as ApprovalDetail;
  const steps = (ask: object): DefinitionStep[] =>
    [
      { id: "draft", name: "Draft", on_error: {} },
      { id: "ask", name: "Ask", on_error: { action: "fail_process" }, ...ask },
      { id: "sign", name: "Sign", depends_on: ["ask"], on_error: {} },
    ] as unknown as DefinitionStep[];

  test("is told from the definition", () => {
    const told = consequencesOf(request, steps({ on_changes_requested: { rerun: "draft", max: 3 } }));
    expect(told).toEqual({
      approve: "The process goes on with “Sign”.",
      changes: "The process goes back to “Draft” with your comment, and asks again.",
      reject: "The step fails, and with it the run.",
    });
    expect(consequencesOf(request, steps({ on_reject: "continue" })).reject).toBe("The process goes on, and knows that it was rejected.");
    const handled = steps({ on_error: { action: "goto_step", target_step: "draft" } });
    expect(consequencesOf(request, handled).reject).toBe("The process goes on with “Draft”.");
  });

  test("counts who is still missing", () => {
    expect(consequencesOf({ ...request, required_approvals: 3 }, steps({})).approve).toBe(
      "2 more must approve before the process goes on.",
    );
  });
});
