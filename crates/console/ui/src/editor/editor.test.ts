import { Text } from "@codemirror/state";
import { describe, expect, test } from "vitest";
import type { Issue } from "@/api/client";
import { pathAt, type Schema, schemasAt } from "./completion";
import { outlineOf, partOf } from "./outline";
import { fixOf, placeOf, rangeOf } from "./positions";

const YAML = `name: by-score
input:
  topic: {type: string}
steps:
  - id: review
    type: agent_task
    agent: "reviewer"
    message: |
      Score it: 100 %
    on_error: {action: goto_step, target_step: tell}
  - id: decide   # the way
    type: gateway
    depends_on: [review]
    routes:
      - {condition: a > 1, target: publish, name: good}
    default_route: tell
  - id: publish
    name: Publish it
    depends_on:
      - decide
      - review
    agent: editor
  - {id: tell, type: notification}
`;

describe("the outline of a text", () => {
  test("has the steps with what leads from one to another", () => {
    const { steps, inputs } = outlineOf(YAML);
    expect(inputs).toEqual(["topic"]);
    expect(steps.map((step) => [step.id, step.name, step.type, step.agent])).toEqual([
      ["review", "review", "agent_task", "reviewer"],
      ["decide", "decide", "gateway", ""],
      ["publish", "Publish it", "agent_task", "editor"],
      ["tell", "tell", "notification", ""],
    ]);
    expect(steps[0]?.on_error).toBe("tell");
    expect(steps[1]).toMatchObject({ depends_on: ["review"], routes: [{ name: "good", target: "publish" }], default_route: "tell" });
    expect(steps[2]?.depends_on).toEqual(["decide", "review"]);
  });

  test("says where a step is", () => {
    const step = outlineOf(YAML).steps[2];
    expect(YAML.slice(step?.idAt, (step?.idAt ?? 0) + 7)).toBe("publish");
    expect(partOf(YAML, "publish")).toBe("id: publish\nname: Publish it\ndepends_on:\n  - decide\n  - review\nagent: editor");
    expect(partOf(YAML, "nobody")).toBeUndefined();
  });

  test("is read from a text with errors, as it is while one writes", () => {
    for (const broken of [
      "",
      "steps:",
      "steps:\n  - id",
      "steps:\n  - id: a\n    depends_on: [",
      "steps: {a: 1}",
      "- 1",
      "steps:\n  - id: a\n  - id: a",
    ]) {
      expect(() => outlineOf(broken)).not.toThrow();
    }
    expect(outlineOf("steps:\n  - id: a\n    depends_on: [b, ").steps[0]?.depends_on).toContain("b");
    expect(outlineOf("steps:\n  - id: a\n  - id: a").steps).toHaveLength(1);
  });
});

describe("places", () => {
  const text = Text.of(["naïve: 😀x", "ab"]);
  const issue = (line: number, column: number, endColumn: number, suggestion?: string): Issue => ({
    code: "c",
    severity: "error",
    level: "error",
    message: "m",
    line,
    column,
    end_line: line,
    end_column: endColumn,
    suggestion,
  });

  test("count characters as people do, and never lie outside", () => {
    expect(placeOf(text, 1, 9)).toBe(9);
    expect(text.sliceString(placeOf(text, 1, 9), placeOf(text, 1, 10))).toBe("x");
    expect(placeOf(text, 9, 99)).toBe(text.length);
    expect(rangeOf(text, issue(2, 3, 3))).toEqual({ from: text.length - 1, to: text.length });
  });

  test("are mended by other words, or by a line that is missing", () => {
    const steps = Text.of(["steps:", "  - id: a", "    agnt: x"]);
    expect(fixOf(steps, issue(3, 5, 9, "agent"))).toEqual({ from: 21, to: 25, insert: "agent" });
    expect(fixOf(steps, issue(2, 5, 10, "type: agent_task"))).toEqual({ from: 11, to: 11, insert: "type: agent_task\n    " });
    expect(fixOf(steps, issue(2, 5, 10))).toBeUndefined();
  });
});

describe("completion", () => {
  const pathOf = (text: string): string[] => {
    const lines = text.split("\n");
    return pathAt(lines, lines.length - 1);
  };

  test("knows the keys above a line", () => {
    expect(pathOf("na")).toEqual([]);
    expect(pathOf("steps:\n  - id: a\n    ty")).toEqual(["steps", "[]"]);
    expect(pathOf("steps:\n  - i")).toEqual(["steps", "[]"]);
    expect(pathOf("steps:\n  - id: a\n    retry:\n      max")).toEqual(["steps", "[]", "retry"]);
    expect(pathOf("input:\n  topic:\n    ty")).toEqual(["input", "topic"]);
    expect(pathOf("steps:\n  - id: a\n    depends_on:\n      - b")).toEqual(["steps", "[]", "depends_on", "[]"]);
    expect(pathOf("steps:\n  - id: a\noutputs:\n  - na")).toEqual(["outputs", "[]"]);
  });

  test("follows references and alternatives of the schema", () => {
    const schema: Schema = {
      properties: { steps: { items: { $ref: "#/$defs/step" } } },
      $defs: { step: { allOf: [{ if: {}, then: { $ref: "#/$defs/task" } }] }, task: { properties: { agent: { description: "Who" } } } },
    };
    const found = schemasAt(schema, ["steps", "[]"]).flatMap((one) => Object.keys(one.properties ?? {}));
    expect(found).toEqual(["agent"]);
    expect(schemasAt(schema, ["steps", "[]", "agent"])[0]?.description).toBe("Who");
  });
});
