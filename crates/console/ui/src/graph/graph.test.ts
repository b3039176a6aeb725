import { describe, expect, test } from "vitest";
import type { DefinitionStep, ExecutionStep } from "@/api/client";
import { layoutOf, neighbour, pathThrough } from "./layout";
import { edgesOf, graphOfRun } from "./model";

const links = (id: string, more: object = {}) => ({ id, depends_on: [], routes: [], ...more });

describe("edges", () => {
  test("are routes, ways after errors, and what comes after what, each pair once", () => {
    const steps = [
      links("a", { routes: [{ name: "yes", target: "b" }], default_route: "c", on_error: "d" }),
      links("b", { depends_on: ["a", "nobody", "b"] }),
      links("c", { depends_on: ["b"] }),
      links("d"),
    ];
    expect(edgesOf(steps)).toEqual([
      { from: "a", to: "b", kind: "route", label: "yes" },
      { from: "a", to: "c", kind: "route", label: "otherwise" },
      { from: "a", to: "d", kind: "error", label: "on error" },
      { from: "b", to: "c", kind: "after" },
    ]);
  });

  test("of a run are taken or dead, a gateway's as it has decided", () => {
    const definition = [
      { id: "g", name: "g", type: "gateway", routes: [{ target: "x" }], default_route: "y", on_error: { action: "fail_process" } },
      { id: "x", name: "x", type: "timer", on_error: { action: "fail_process" } },
      { id: "y", name: "y", type: "timer", depends_on: ["x"], on_error: { action: "fail_process" } },
    ] as unknown as DefinitionStep[];
    const step = (id: string, state: string, more: object = {}) =>
      ({ step_id: id, name: id, state, step_type: "timer", depends_on: [], ...more }) as unknown as ExecutionStep;
    // Both have run: `y` by another way too. Only the route that was chosen is taken.
    const steps = [step("g", "completed", { routes_taken: ["x"] }), step("x", "completed"), step("y", "running")];
    const states = graphOfRun(definition, steps, () => "").edges.map((edge) => [edge.from, edge.to, edge.state]);
    expect(states).toEqual([
      ["g", "x", "taken"],
      ["g", "y", "dead"],
      ["x", "y", "taken"],
    ]);
  });
});

describe("the layout", () => {
  const chain = (count: number) => ({
    direction: "LR" as const,
    nodes: Array.from({ length: count }, (_, index) => `s${index}`),
    edges: Array.from({ length: count - 1 }, (_, index) => ({ from: `s${index}`, to: `s${index + 1}`, hasLabel: index % 2 === 0 })),
  });

  test("puts what follows behind, and leads edges from one to the other", () => {
    const { nodes, edges, width } = layoutOf(chain(4));
    const across = nodes.map((node) => node.x);
    expect(across).toEqual(across.toSorted((a, b) => a - b));
    expect(edges[0]?.[0]?.x).toBeLessThan(edges[0]?.at(-1)?.x ?? 0);
    expect(width).toBeGreaterThan(4 * 172);
  });

  test("of nothing is nothing", () => {
    expect(layoutOf({ direction: "TB", nodes: [], edges: [] })).toEqual({ width: 0, height: 0, nodes: [], edges: [] });
  });

  test("takes a circle, as a text has it while one writes", () => {
    const edges = [
      { from: "a", to: "b", hasLabel: false },
      { from: "b", to: "a", hasLabel: false },
    ];
    expect(layoutOf({ direction: "LR", nodes: ["a", "b"], edges }).nodes).toHaveLength(2);
  });
});

test("arrow keys go to the nearest step in their direction", () => {
  const nodes = [
    { x: 0, y: 0 },
    { x: 100, y: 0 },
    { x: 90, y: 80 },
    { x: 0, y: 90 },
  ];
  expect(["ArrowRight", "ArrowDown", "ArrowLeft", "Enter"].map((key) => neighbour(nodes, 0, key))).toEqual([1, 3, undefined, undefined]);
});

test("a line goes through its points", () => {
  expect(pathThrough([])).toBe("");
  expect(
    pathThrough([
      { x: 0, y: 0 },
      { x: 10, y: 0 },
      { x: 20, y: 8 },
    ]),
  ).toBe("M0 0 Q10 0 15 4 L20 8");
});
