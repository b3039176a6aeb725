/** The form by which a run is started: fields made from a process's inputs, and values made from what was typed. */

export interface InputField {
  name: string;
  type: string;
  description?: string;
  required: boolean;
  choices?: string[];
  initial: string;
}

interface DeclaredInput {
  type?: string;
  description?: string | null;
  default?: unknown;
  required?: boolean;
  enum?: unknown[] | null;
}

/** The fields of a process: those it declares, and those that its steps read without a declaration. */
export function fieldsOf(input: unknown, required: readonly { field: string }[]): InputField[] {
  const declared = (typeof input === "object" && input !== null ? input : {}) as Record<string, DeclaredInput>;
  const fields = Object.entries(declared).map(([name, one]) => ({
    name,
    type: one.type ?? "string",
    description: one.description ?? undefined,
    required: one.required === true && one.default === undefined,
    choices: one.enum?.map(String),
    initial: initialOf(one),
  }));
  const names = new Set(fields.map((field) => field.name));
  const read = required.filter((one) => !names.has(one.field));
  return [...fields, ...read.map((one) => ({ name: one.field, type: "any", required: true, initial: "" }))];
}

function initialOf(one: DeclaredInput): string {
  if (one.default === undefined || one.default === null) return "";
  return typeof one.default === "string" ? one.default : JSON.stringify(one.default, null, isNested(one.type) ? 2 : 0);
}

export const isNested = (type: string | undefined): boolean => type === "object" || type === "array" || type === "list";

/** What is wrong with what was typed; nothing if it does. */
export function problemOf(field: InputField, text: string): string | undefined {
  if (text.trim() === "") return field.required ? "This is needed." : undefined;
  if (field.type === "integer" && !/^-?\d+$/.test(text.trim())) return "Write a whole number.";
  if (field.type === "number" && !Number.isFinite(Number(text))) return "Write a number.";
  if (!isNested(field.type)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isList = Array.isArray(value);
    if (field.type === "object" && (typeof value !== "object" || value === null || isList))
      return 'Write a JSON object, such as {"key": 1}.';
    if (field.type !== "object" && !isList) return "Write a JSON list, such as [1, 2].";
    return undefined;
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** What is sent for what was typed; empty fields are left to their defaults. */
export function valueOf(fields: readonly InputField[], typed: Record<string, string>): Record<string, unknown> {
  const entries = fields.flatMap((field): [string, unknown][] => {
    const text = typed[field.name] ?? "";
    if (text.trim() === "") return [];
    return [[field.name, convert(field, text)]];
  });
  return Object.fromEntries(entries);
}

function convert(field: InputField, text: string): unknown {
  if (isNested(field.type)) return JSON.parse(text);
  if (field.type === "integer" || field.type === "number") return Number(text);
  if (field.type === "boolean") return text === "true";
  return text;
}
