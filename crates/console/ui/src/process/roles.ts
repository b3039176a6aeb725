/** The roles of agents on steps: read from a definition's text, and written into it without touching the rest. */

import type { SyntaxNode } from "@lezer/common";
import { fieldsOf, itemsOf, plainText, stepMappings } from "@/editor/outline";

export type Role = "executor" | "monitor" | "informed" | "none";

export interface StepRoles {
  id: string;
  name: string;
  executor: string;
  /** Whether the executor stands under `roles`, not as the step's `agent`. */
  isExecutorInRoles: boolean;
  monitors: Entry[];
  informed: Entry[];
}

/** An agent that is told of a step, as it is written: its name, or a mapping with a filter. */
export interface Entry {
  agent: string;
  written: string;
}

/** The steps that agents do, with who has which role. */
export function rolesOf(text: string): StepRoles[] {
  return stepMappings(text).flatMap((mapping) => {
    const fields = fieldsOf(mapping, text);
    const id = plainText(fields.get("id"), text);
    const type = plainText(fields.get("type"), text) || "agent_task";
    const roles = mappingOf(fields.get("roles"), text);
    const inRoles = plainText(roles?.get("executor"), text);
    if (id === "" || type !== "agent_task") return [];
    const entries = (name: string): Entry[] => itemsOf(roles?.get(name)).map((item) => entryOf(item, text));
    return [
      {
        id,
        name: plainText(fields.get("name"), text) || id,
        executor: inRoles || plainText(fields.get("agent"), text),
        isExecutorInRoles: inRoles !== "",
        monitors: entries("monitors"),
        informed: entries("informed"),
      },
    ];
  });
}

const mappingOf = (node: SyntaxNode | undefined, text: string) => (node?.name.endsWith("Mapping") ? fieldsOf(node, text) : undefined);

function entryOf(item: SyntaxNode, text: string): Entry {
  const fields = mappingOf(item, text);
  const written = text.slice(item.from, item.to).trim();
  if (!fields) return { agent: plainText(item, text), written };
  // A mapping in lines of its own is written in one, so that it fits in a list of one line.
  const pairs = [...fields].map(
    ([key, node]) =>
      `${key}: ${text
        .slice(node.from, node.to)
        .trim()
        .replaceAll(/\s*\n\s*/g, " ")}`,
  );
  return { agent: plainText(fields.get("agent"), text), written: item.name.startsWith("Flow") ? written : `{${pairs.join(", ")}}` };
}

/** The role of an agent on a step. */
export function roleOf(step: StepRoles, agent: string): Role {
  if (step.executor === agent) return "executor";
  if (step.monitors.some((one) => one.agent === agent)) return "monitor";
  return step.informed.some((one) => one.agent === agent) ? "informed" : "none";
}

const NEXT: Record<Role, Role> = { none: "executor", executor: "monitor", monitor: "informed", informed: "none" };
export const nextRole = (role: Role): Role => NEXT[role];

/** Edits of one text. What they undo is as it was, to the byte. */
export class RoleEdits {
  private readonly parts: Map<string, { roles: StepRoles; text: string }>;
  /** Who was executor before a cell took it. */
  private readonly before = new Map<string, string>();

  constructor(original: string) {
    this.parts = new Map(rolesOf(original).map((roles) => [roles.id, { roles, text: partOf(original, roles.id) }]));
  }

  /** Whether an agent is executor by right of the text, not because a cell was pressed: it can't be without one. */
  isFixed(step: StepRoles, agent: string): boolean {
    return step.executor === agent && !this.before.has(step.id);
  }

  /** The text in which an agent has another role on a step. */
  set(text: string, id: string, agent: string, role: Role): string {
    const step = rolesOf(text).find((one) => one.id === id);
    if (!step || this.isFixed(step, agent)) return text;
    const kept = [...step.monitors, ...step.informed].find((one) => one.agent === agent);
    const known = this.parts.get(id)?.roles;
    const original = [...(known?.monitors ?? []), ...(known?.informed ?? [])].find((one) => one.agent === agent);
    const entry = kept ?? original ?? { agent, written: agent };
    const others = (entries: Entry[]): Entry[] => entries.filter((one) => one.agent !== agent);
    const changed: StepRoles = { ...step, monitors: others(step.monitors), informed: others(step.informed) };
    if (role === "executor") {
      if (!this.before.has(id)) this.before.set(id, step.executor);
      changed.executor = agent;
    } else if (step.executor === agent) {
      changed.executor = this.before.get(id) ?? step.executor;
      this.before.delete(id);
    }
    if (role === "monitor") changed.monitors.push(entry);
    if (role === "informed") changed.informed.push(entry);
    const part = this.parts.get(id);
    if (part && sameRoles(part.roles, changed)) return replacePart(text, id, part.text);
    return written(text, changed);
  }
}

function sameRoles(a: StepRoles, b: StepRoles): boolean {
  const names = (entries: Entry[]): string =>
    entries
      .map((one) => one.agent)
      .toSorted()
      .join("\n");
  return a.executor === b.executor && names(a.monitors) === names(b.monitors) && names(a.informed) === names(b.informed);
}

const stepNode = (text: string, id: string): SyntaxNode | undefined =>
  stepMappings(text).find((mapping) => plainText(fieldsOf(mapping, text).get("id"), text) === id);

function partOf(text: string, id: string): string {
  const node = stepNode(text, id);
  return node ? text.slice(node.from, endOf(text, node)) : "";
}

function replacePart(text: string, id: string, part: string): string {
  const node = stepNode(text, id);
  return node ? text.slice(0, node.from) + part + text.slice(endOf(text, node)) : text;
}

/** Where a step ends: behind its last letter, so that lines between steps stay as they are. */
function endOf(text: string, node: SyntaxNode): number {
  return node.from + text.slice(node.from, node.to).trimEnd().length;
}

/** The text with a step's roles written anew. */
function written(text: string, roles: StepRoles): string {
  const node = stepNode(text, roles.id);
  if (!node) return text;
  const fields = fieldsOf(node, text);
  const agent = fields.get("agent");
  const old = fields.get("roles");
  const lists: [string, string][] = [
    ...(roles.isExecutorInRoles ? [["executor", roles.executor] as [string, string]] : []),
    ...(roles.monitors.length ? [["monitors", listed(roles.monitors)] as [string, string]] : []),
    ...(roles.informed.length ? [["informed", listed(roles.informed)] as [string, string]] : []),
  ];
  const isFlow = node.name === "FlowMapping";
  const changes: { from: number; to: number; insert: string }[] = [];
  if (agent && !roles.isExecutorInRoles) changes.push({ from: agent.from, to: agent.to, insert: roles.executor });
  const pair = old?.parent;
  const flow = `roles: {${lists.map(([key, value]) => `${key}: ${value}`).join(", ")}}`;
  const indent = " ".repeat(columnOf(text, firstLetter(text, node)));
  const block = `roles:${lists.map(([key, value]) => `\n${indent}  ${key}: ${value}`).join("")}`;
  const insert = isFlow ? flow : block;
  if (pair && lists.length) changes.push({ from: pair.from, to: trimmedEnd(text, pair), insert });
  else if (pair) changes.push(removal(text, pair, isFlow));
  else if (lists.length && isFlow) changes.push({ from: endOf(text, node) - 1, to: endOf(text, node) - 1, insert: `, ${flow}` });
  else if (lists.length) {
    // Below the agent's line with its comment, or below the last line of the step.
    const end = trimmedEnd(text, agent?.parent ?? node);
    const line = text.indexOf("\n", end);
    const at = line === -1 ? text.length : line;
    changes.push({ from: at, to: at, insert: `\n${indent}${block}` });
  }
  return changes
    .toSorted((a, b) => b.from - a.from)
    .reduce((now, change) => now.slice(0, change.from) + change.insert + now.slice(change.to), text);
}

const listed = (entries: Entry[]): string => `[${entries.map((one) => one.written).join(", ")}]`;
const firstLetter = (text: string, node: SyntaxNode): number => node.from + text.slice(node.from, node.to).search(/\S/);
const columnOf = (text: string, at: number): number => at - (text.lastIndexOf("\n", at - 1) + 1);
const trimmedEnd = (text: string, node: SyntaxNode): number => node.from + text.slice(node.from, node.to).trimEnd().length;

/** Takes a pair away with its line, or with the comma before it. */
function removal(text: string, pair: SyntaxNode, isFlow: boolean): { from: number; to: number; insert: string } {
  const before = text.slice(0, pair.from);
  const from = isFlow ? before.replace(/,\s*$/, "").length : before.replace(/\n[^\S\n]*$/, "").length;
  return { from, to: trimmedEnd(text, pair), insert: "" };
}
