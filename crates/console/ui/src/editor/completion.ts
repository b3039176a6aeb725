/** What can be written at a place: keys by the schema of definitions, and names that the server or the text knows. */

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { Outline } from "./outline";

export interface Schema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
  $ref?: string;
  $defs?: Record<string, Schema>;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  if?: Schema;
  then?: Schema;
}

/** What is known beside the text. */
export interface Known {
  schema: Schema | undefined;
  agents: readonly { name: string; description?: string | null }[];
  processes: readonly string[];
  outline: Outline;
}

/** Keys whose value is a step of this process. */
const STEP_KEYS = new Set(["target", "default_route", "target_step", "rerun", "depends_on"]);

/** All schemas that may describe a value: references followed, alternatives side by side. */
export function expanded(schema: Schema | undefined, root: Schema, depth = 0): Schema[] {
  if (!schema || depth > 8) return [];
  if (schema.$ref) return expanded(root.$defs?.[schema.$ref.split("/").at(-1) ?? ""], root, depth + 1);
  const parts = [schema.oneOf, schema.anyOf, schema.allOf, schema.then ? [schema.then] : undefined].flatMap((one) => one ?? []);
  return [schema, ...parts.flatMap((part) => expanded(part, root, depth + 1))];
}

/** The schemas at a path of keys, where `[]` stands for an item of a list. */
export function schemasAt(root: Schema | undefined, path: readonly string[]): Schema[] {
  if (!root) return [];
  return path.reduce<Schema[]>(
    (found, key) => found.flatMap((schema) => expanded(key === "[]" ? schema.items : schema.properties?.[key], root)),
    expanded(root, root),
  );
}

/** The keys above a line, by indentation; `[]` where a list is entered. */
export function pathAt(lines: readonly string[], index: number): string[] {
  const path: string[] = [];
  let indent = indentOf(lines[index] ?? "");
  if (/^\s*- /.test(lines[index] ?? "")) {
    path.unshift("[]");
    indent = (lines[index] ?? "").search(/\S/);
  }
  for (let at = index - 1; at >= 0; at -= 1) {
    const line = lines[at] ?? "";
    if (line.trim() === "" || line.trim().startsWith("#")) continue;
    const dash = /^(\s*)- /.exec(line);
    const dashIndent = dash ? (dash[1]?.length ?? 0) : -1;
    const key = /^\s*(?:- )?([\w-]+):/.exec(line)?.[1];
    const isAbove = indentOf(line) < indent || (path[0] === "[]" && indentOf(line) === indent && !dash);
    if (isAbove && key !== undefined) {
      path.unshift(key);
      indent = indentOf(line);
    }
    if (dash && dashIndent < indent && indentOf(line) <= indent && path[0] !== "[]") {
      path.unshift("[]");
      indent = dashIndent;
    }
    if (indent === 0 && path[0] !== "[]") break;
  }
  return path;
}

/** Where the text of a line begins, behind the dash of a list's item. */
const indentOf = (line: string): number => /^\s*(?:- +)?/.exec(line)?.[0].length ?? 0;

export function completions(known: () => Known) {
  return (context: CompletionContext): CompletionResult | null => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const expression = /\{\{[^}]*?([\w.-]*)$/.exec(before) ?? /\bcondition:\s.*?([\w.-]*)$/.exec(before);
    if (expression) return inExpression(known(), context, expression[1] ?? "");
    const value = /^\s*(?:- )?([\w-]+):\s+\[?(?:[^\]]*,\s*)?([\w-]*)$/.exec(before) ?? /^\s*-\s+()([\w-]*)$/.exec(before);
    const lines = context.state.doc.toString().split("\n");
    if (value && value[1] !== "")
      return resultOf(context, value[2] ?? "", valuesOf(known(), value[1] ?? "", pathAt(lines, line.number - 1)));
    const path = pathAt(lines, line.number - 1);
    if (value && path.at(-2) === "depends_on") return resultOf(context, value[2] ?? "", steps(known()));
    const key = /^\s*(?:- )?([\w-]*)$/.exec(before);
    if (!key || (key[1] === "" && !context.explicit)) return null;
    return resultOf(context, key[1] ?? "", keysOf(known(), path));
  };
}

function resultOf(context: CompletionContext, typed: string, options: Completion[]): CompletionResult | null {
  if (options.length === 0) return null;
  return { from: context.pos - typed.length, options, validFor: /^[\w-]*$/ };
}

function keysOf(known: Known, path: readonly string[]): Completion[] {
  const keys = new Map<string, Completion>();
  for (const schema of schemasAt(known.schema, path)) {
    for (const [name, one] of Object.entries(schema.properties ?? {})) {
      if (!keys.has(name)) keys.set(name, { label: name, apply: `${name}: `, type: "property", info: one.description });
    }
  }
  return [...keys.values()];
}

function valuesOf(known: Known, key: string, path: readonly string[]): Completion[] {
  if (STEP_KEYS.has(key)) return steps(known);
  if (key === "agent" || key === "executor")
    return known.agents.map((agent) => ({ label: agent.name, type: "constant", info: agent.description ?? undefined }));
  if (key === "process_name") return known.processes.map((name) => ({ label: name, type: "constant" }));
  const values = schemasAt(known.schema, [...path, key]).flatMap(
    (schema) => schema.enum ?? (schema.const === undefined ? [] : [schema.const]),
  );
  return [...new Set(values.filter((value) => value !== null).map(String))].map((label) => ({ label, type: "enum" }));
}

const steps = (known: Known): Completion[] => known.outline.steps.map((step) => ({ label: step.id, type: "variable", info: step.name }));

function inExpression(known: Known, context: CompletionContext, typed: string): CompletionResult {
  const words = ["input", "steps", "now", "execution", "process"].map((label): Completion => ({ label, type: "keyword" }));
  const inputs = known.outline.inputs.map((name): Completion => ({ label: `input.${name}`, type: "variable" }));
  const outputs = known.outline.steps.map((step): Completion => {
    const path = /^\w+$/.test(step.id) ? `steps.${step.id}.output` : `steps['${step.id}'].output`;
    return { label: step.type === "agent_task" ? `${path}.response` : path, type: "variable", info: step.name };
  });
  return { from: context.pos - typed.length, options: [...inputs, ...outputs, ...words], validFor: /^[\w.'[\]-]*$/ };
}
