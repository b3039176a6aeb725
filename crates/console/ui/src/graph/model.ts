/** A process as a graph: steps and what leads from one to another. */

import type { DefinitionStep, ExecutionStep, GraphResponse, SimulatedStep } from "@/api/client";
import { stepState, stepType, type Tone } from "@/lib/words";

export type EdgeKind = "after" | "route" | "error";

export interface GraphNode {
  id: string;
  name: string;
  type: string;
  /** What is said of it: its state in a run, its kind in a definition, `error` in the editor. */
  state: string;
  tone: Tone;
  /** A line of its own below the name: agent, attempts, duration. */
  note: string;
}

export interface GraphEdge {
  from: string;
  to: string;
  kind: EdgeKind;
  label?: string;
  /** In a run: whether the way was taken, or can't be any more. */
  state?: "taken" | "dead";
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

/** What of a step makes edges; the editor reads the same from a text that may have errors. */
export interface StepLinks {
  id: string;
  depends_on: readonly string[];
  routes: readonly { name?: string | null; target: string }[];
  default_route?: string | null;
  on_error?: string | null;
}

/** Edges between steps that exist. A route is shown once, also where its target says that it depends on the gateway. */
export function edgesOf(steps: readonly StepLinks[]): GraphEdge[] {
  const known = new Set(steps.map((step) => step.id));
  const edges = new Map<string, GraphEdge>();
  const add = (edge: GraphEdge): void => {
    if (!known.has(edge.from) || !known.has(edge.to) || edge.from === edge.to) return;
    const key = `${edge.from}\n${edge.to}`;
    if (!edges.has(key)) edges.set(key, edge);
  };
  for (const step of steps) {
    for (const route of step.routes) add({ from: step.id, to: route.target, kind: "route", label: route.name ?? undefined });
    if (step.default_route) add({ from: step.id, to: step.default_route, kind: "route", label: "otherwise" });
    if (step.on_error) add({ from: step.id, to: step.on_error, kind: "error", label: "on error" });
  }
  for (const step of steps) {
    for (const before of step.depends_on) add({ from: before, to: step.id, kind: "after" });
  }
  return [...edges.values()];
}

/** The links of a step as the API describes it. */
export function linksOf(step: DefinitionStep): StepLinks {
  const gateway = step as Partial<{ routes: { name?: string | null; target: string }[]; default_route: string | null }>;
  return {
    id: step.id,
    depends_on: step.depends_on ?? [],
    routes: gateway.routes ?? [],
    default_route: gateway.default_route,
    on_error: step.on_error.target_step,
  };
}

/** The agent of a step, where it has one. */
export const agentOf = (step: DefinitionStep): string | undefined => ("agent" in step ? step.agent : undefined);

/** The graph of a definition. */
export function graphOfDefinition(steps: readonly DefinitionStep[]): Graph {
  return {
    nodes: steps.map((step) => ({
      id: step.id,
      name: step.name,
      type: step.type,
      state: stepType(step.type),
      tone: "calm",
      note: agentOf(step) ?? "",
    })),
    edges: edgesOf(steps.map(linksOf)),
  };
}

/** The graph of a process that does not exist yet, as the API describes it. */
export function graphOfPreview(graph: GraphResponse): Graph {
  const kinds: Record<string, EdgeKind> = { route: "route", error: "error" };
  return {
    nodes: graph.nodes.map(({ id, name, type }) => ({ id, name, type, state: stepType(type), tone: "calm", note: "" })),
    edges: graph.edges
      .filter((edge) => edge.kind !== "order")
      .map((edge) => ({ from: edge.source, to: edge.target, kind: kinds[edge.kind] ?? "after" })),
  };
}

const STARTED = new Set(["running", "waiting", "waiting_approval", "completed", "failed"]);

/** The graph of a run: the definition's, with states, and what was taken of it. `noteOf` says more of a step. */
export function graphOfRun(
  definition: readonly DefinitionStep[],
  steps: readonly ExecutionStep[],
  noteOf: (step: ExecutionStep) => string,
): Graph {
  const states = new Map(steps.map((step) => [step.step_id, step]));
  const edges = edgesOf(definition.length ? definition.map(linksOf) : steps.map(linksOfRunStep));
  return {
    nodes: steps.map((step) => {
      const said = stepState(step.state);
      return { id: step.step_id, name: step.name, type: step.step_type, state: said.word, tone: said.tone, note: noteOf(step) };
    }),
    edges: edges.map((edge) => ({ ...edge, state: edgeState(edge, states.get(edge.from), states.get(edge.to)) })),
  };
}

/** The graph of what a run would be. */
export function graphOfSimulation(definition: readonly DefinitionStep[], steps: readonly SimulatedStep[]): Graph {
  const states = new Map(steps.map((step) => [step.step_id, step.state]));
  const edges = edgesOf(definition.map(linksOf));
  return {
    nodes: steps.map((step) => {
      const said = stepState(step.state);
      const tries = step.attempts > 1 ? `${step.attempts} attempts` : "";
      return { id: step.step_id, name: step.name, type: step.step_type, state: said.word, tone: said.tone, note: tries };
    }),
    edges: edges.map((edge) => {
      const [from, to] = [states.get(edge.from) ?? "", states.get(edge.to) ?? ""];
      if ([from, to].includes("skipped") || to === "cancelled") return { ...edge, state: "dead" };
      const isTaken = STARTED.has(to) && (edge.kind === "error" ? from === "failed" : from === "completed");
      return { ...edge, state: isTaken ? "taken" : undefined };
    }),
  };
}

const linksOfRunStep = (step: ExecutionStep): StepLinks => ({ id: step.step_id, depends_on: step.depends_on, routes: [] });

function edgeState(edge: GraphEdge, from: ExecutionStep | undefined, to: ExecutionStep | undefined): GraphEdge["state"] {
  if (!from || !to) return undefined;
  if (to.state === "skipped" || from.state === "skipped" || to.state === "cancelled") return "dead";
  if (edge.kind === "error") {
    if (from.state === "completed") return "dead";
    return from.handled_by === to.step_id && STARTED.has(to.state) ? "taken" : undefined;
  }
  if (edge.kind === "route" && from.routes_taken && !from.routes_taken.includes(edge.to)) return "dead";
  return from.state === "completed" && STARTED.has(to.state) ? "taken" : undefined;
}
