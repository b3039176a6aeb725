/**
 * The steps of a process in its YAML text, as far as they can be read: also from a text that has errors, while it is
 * being written. Only the server says what is right; this is for the graph beside the text and for the cursor.
 */

import { type Input, type SyntaxNode, type Tree } from "@lezer/common";
import { parser } from "@lezer/yaml";
import type { StepLinks } from "@/graph/model";

export interface OutlinedStep extends StepLinks {
  name: string;
  type: string;
  agent: string;
  /** Where it begins and ends in the text. */
  from: number;
  to: number;
  /** Where its id is. */
  idAt: number;
}

export interface Outline {
  steps: OutlinedStep[];
  inputs: string[];
}

type Source = string | Input;

const slice = (text: Source, from: number, to: number): string => (typeof text === "string" ? text.slice(from, to) : text.read(from, to));

/** The mappings of a text that are steps, as nodes of its tree. */
export function stepMappings(text: string): SyntaxNode[] {
  const root = topMapping(parser.parse(text));
  return root ? itemsOf(fieldsOf(root, text).get("steps")).filter((item) => item.name.endsWith("Mapping")) : [];
}

/** The steps and inputs of a text. */
export function outlineOf(text: string, tree: Tree = parser.parse(text)): Outline {
  const root = topMapping(tree);
  const outline: Outline = { steps: [], inputs: [] };
  if (!root) return outline;
  const fields = fieldsOf(root, text);
  const ids = new Set<string>();
  for (const item of itemsOf(fields.get("steps"))) {
    const step = stepOf(item, text);
    if (step && !ids.has(step.id)) {
      ids.add(step.id);
      outline.steps.push(step);
    }
  }
  const input = fields.get("input");
  if (input?.name.endsWith("Mapping")) outline.inputs = [...fieldsOf(input, text).keys()];
  return outline;
}

/** The part of a text that defines a step, without the indentation that all its lines share. */
export function partOf(text: string, id: string): string | undefined {
  const step = outlineOf(text).steps.find((one) => one.id === id);
  if (!step) return undefined;
  const begin = text.lastIndexOf("\n", step.from - 1) + 1;
  const indent = step.from - begin;
  const lines = text.slice(step.from, step.to).trimEnd().split("\n");
  return lines.map((line, index) => (index === 0 ? line : line.slice(0, indent).trim() === "" ? line.slice(indent) : line)).join("\n");
}

function topMapping(tree: Tree): SyntaxNode | undefined {
  for (let document = tree.topNode.firstChild; document; document = document.nextSibling) {
    for (let node = document.firstChild; node; node = node.nextSibling) {
      if (node.name === "BlockMapping" || node.name === "FlowMapping") return node;
    }
  }
  return undefined;
}

/** The values of a mapping by their keys. */
export function fieldsOf(mapping: SyntaxNode, text: Source): Map<string, SyntaxNode> {
  const fields = new Map<string, SyntaxNode>();
  for (let pair = mapping.firstChild; pair; pair = pair.nextSibling) {
    if (pair.name !== "Pair") continue;
    const key = pair.getChild("Key");
    const value = key ? valueAfter(key) : undefined;
    if (key && value) fields.set(plainText(key, text), value);
  }
  return fields;
}

/** The value of a pair: what stands last in it. */
function valueAfter(key: SyntaxNode): SyntaxNode | undefined {
  let found: SyntaxNode | undefined;
  for (let node = key.nextSibling; node; node = node.nextSibling) {
    if (node.name !== ":" && node.name !== "Comment" && node.name !== "Anchor" && node.name !== "Tag") found = node;
  }
  return found;
}

export function itemsOf(sequence: SyntaxNode | undefined): SyntaxNode[] {
  const items: SyntaxNode[] = [];
  for (let node = sequence?.firstChild; node; node = node.nextSibling) {
    if (node.name === "Item") {
      const inner = node.lastChild;
      if (inner && inner.name !== "-") items.push(inner);
    }
  }
  // In a flow sequence the items stand by themselves.
  if (sequence?.name === "FlowSequence") {
    for (let node = sequence.firstChild; node; node = node.nextSibling) {
      if (!["[", "]", ",", "Item", "Comment"].includes(node.name)) items.push(node);
    }
  }
  return items;
}

function stepOf(item: SyntaxNode, text: Source): OutlinedStep | undefined {
  if (!item.name.endsWith("Mapping")) return undefined;
  const fields = fieldsOf(item, text);
  const textOf = (name: string): string => plainText(fields.get(name), text);
  const id = textOf("id");
  if (id === "") return undefined;
  const before = fields.get("depends_on");
  const onError = fields.get("on_error");
  const errorFields = onError?.name.endsWith("Mapping") ? fieldsOf(onError, text) : undefined;
  return {
    id,
    name: textOf("name") || id,
    type: textOf("type") || (fields.has("agent") ? "agent_task" : ""),
    agent: textOf("agent"),
    depends_on: before?.name.endsWith("Sequence")
      ? itemsOf(before).map((one) => plainText(one, text))
      : before
        ? [plainText(before, text)]
        : [],
    routes: itemsOf(fields.get("routes")).flatMap((route) => {
      const route_ = route.name.endsWith("Mapping") ? fieldsOf(route, text) : undefined;
      const target = plainText(route_?.get("target"), text);
      return target === "" ? [] : [{ name: plainText(route_?.get("name"), text) || undefined, target }];
    }),
    default_route: textOf("default_route") || undefined,
    on_error: plainText(errorFields?.get("target_step"), text) || undefined,
    // A mapping behind a dash begins with the space between them.
    from: item.from + slice(text, item.from, item.to).search(/\S/),
    to: item.to,
    idAt: fields.get("id")?.from ?? item.from,
  };
}

/** A scalar without its quotes. */
export function plainText(node: SyntaxNode | undefined, text: Source): string {
  if (!node) return "";
  const raw = slice(text, node.from, node.to).trim();
  const quoted = /^(["'])([\s\S]*)\1$/.exec(raw);
  return quoted ? (quoted[2] ?? "") : raw;
}
