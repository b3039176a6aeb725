import { describe, expect, test } from "vitest";
import { nextRole, type Role, RoleEdits, roleOf, rolesOf } from "./roles";

const TEXT = `name: told   # what it is
steps:
  - id: draft
    name: Draft it
    agent: writer  # the best we have
    message: Write.

  - {id: check, agent: critic, message: Check., depends_on: [draft]}
  - id: publish
    message: Publish.
    roles:
      executor: editor
      informed:
        - archive
        - agent: desk
          events: [step_failed]
  - {id: decide, type: gateway, routes: []}
`;

const press = (edits: RoleEdits, text: string, step: string, agent: string): string => {
  const roles = rolesOf(text).find((one) => one.id === step)!;
  return edits.set(text, step, agent, nextRole(roleOf(roles, agent)));
};
const has = (text: string, step: string, agent: string): Role =>
  roleOf(
    rolesOf(text).find((one) => one.id === step)!,
    agent,
  );

describe("roles", () => {
  test("are read from steps that agents do", () => {
    expect(rolesOf(TEXT).map((step) => [step.id, step.executor, step.informed.map((one) => one.agent)])).toEqual([
      ["draft", "writer", []],
      ["check", "critic", []],
      ["publish", "editor", ["archive", "desk"]],
    ]);
  });

  test("go round from cell to cell, and a full round leaves the text as it was", () => {
    for (const step of ["draft", "check", "publish"]) {
      const edits = new RoleEdits(TEXT);
      const seen: Role[] = [];
      let text = TEXT;
      for (let times = 0; times < 4; times += 1) {
        text = press(edits, text, step, "watcher");
        seen.push(has(text, step, "watcher"));
        expect(rolesOf(text).map((one) => one.id)).toEqual(["draft", "check", "publish"]);
      }
      expect(seen, step).toEqual(["executor", "monitor", "informed", "none"]);
      expect(text, step).toBe(TEXT);
    }
  });

  test("that are written keep the rest of the text", () => {
    const edits = new RoleEdits(TEXT);
    let text = edits.set(TEXT, "draft", "watcher", "monitor");
    text = edits.set(text, "draft", "desk", "informed");
    expect(text).toContain(
      "    agent: writer  # the best we have\n    roles:\n      monitors: [watcher]\n      informed: [desk]\n    message: Write.",
    );
    text = edits.set(text, "check", "desk", "monitor");
    expect(text).toContain("{id: check, agent: critic, message: Check., depends_on: [draft], roles: {monitors: [desk]}}");
    text = edits.set(text, "publish", "archive", "monitor");
    expect(text).toContain("      monitors: [archive]\n      informed: [{agent: desk, events: [step_failed]}]\n  - {id: decide");
    text = edits.set(text, "draft", "watcher", "none");
    text = edits.set(text, "draft", "desk", "none");
    text = edits.set(text, "check", "desk", "none");
    text = edits.set(text, "publish", "archive", "informed");
    expect(text).toBe(TEXT);
  });

  test("of an executor: it can't go, another can take its place and give it back", () => {
    const edits = new RoleEdits(TEXT);
    expect(edits.set(TEXT, "draft", "writer", "monitor")).toBe(TEXT);
    const taken = edits.set(TEXT, "draft", "watcher", "executor");
    expect(has(taken, "draft", "watcher")).toBe("executor");
    expect(taken).toContain("agent: watcher  # the best we have");
    expect(has(edits.set(taken, "draft", "watcher", "monitor"), "draft", "writer")).toBe("executor");
  });
});
