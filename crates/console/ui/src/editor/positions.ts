/** Lines and columns of the server as places in a text, and back. */

import type { Text } from "@codemirror/state";
import type { Issue } from "@/api/client";

/** The place of a line and column, both from 1, columns counted in characters as people see them. */
export function placeOf(text: Text, line: number, column: number): number {
  const found = text.line(Math.min(Math.max(line, 1), text.lines));
  let at = 0;
  let left = column - 1;
  for (const character of found.text) {
    if (left <= 0) break;
    at += character.length;
    left -= 1;
  }
  return found.from + at;
}

export interface Range {
  from: number;
  to: number;
}

/** What an issue is about; at least one character where there is one, so that it can be seen. */
export function rangeOf(text: Text, issue: Issue): Range {
  const from = placeOf(text, issue.line, issue.column);
  const to = Math.max(from, placeOf(text, issue.end_line, issue.end_column));
  if (to > from) return { from, to };
  const line = text.lineAt(from);
  return from < line.to ? { from, to: from + 1 } : { from: Math.max(line.from, from - 1), to: from };
}

/** The change that an issue suggests: other words, or a line that is missing. */
export function fixOf(text: Text, issue: Issue): { from: number; to: number; insert: string } | undefined {
  if (!issue.suggestion) return undefined;
  const { from, to } = rangeOf(text, issue);
  const isMissingLine = /^\w+:/.test(issue.suggestion) && !text.sliceString(from, to).startsWith(issue.suggestion.split(":")[0] ?? "");
  if (!isMissingLine) return { from, to, insert: issue.suggestion };
  const indent = " ".repeat(from - text.lineAt(from).from);
  return { from, to: from, insert: `${issue.suggestion}\n${indent}` };
}
