/**
 * Markdown as far as people write it in requests: headings, lists, tables, quotes, code, emphasis, links. It becomes a tree, never
 * HTML, so nothing in a text can become a part of the page.
 */

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong"; children: Inline[] }
  | { kind: "emphasis"; children: Inline[] }
  | { kind: "link"; address: string; children: Inline[] };

export type Block =
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "heading"; level: number; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "quote"; children: Block[] }
  | { kind: "list"; ordered: boolean; items: Inline[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

const ITEM = /^\s{0,3}(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/;
const FENCE = /^\s{0,3}(```|~~~)/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

export function parseMarkdown(text: string): Block[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const fence = FENCE.exec(line)?.[1];
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    if (line.trim() === "") {
      at += 1;
    } else if (fence) {
      const end = lines.findIndex((other, index) => index > at && other.trim().startsWith(fence));
      const close = end === -1 ? lines.length : end;
      blocks.push({ kind: "code", text: lines.slice(at + 1, close).join("\n") });
      at = close + 1;
    } else if (heading) {
      blocks.push({ kind: "heading", level: heading[1]?.length ?? 1, children: parseInline(heading[2] ?? "") });
      at += 1;
    } else if (/^\s{0,3}([-*_])(\s*\1){2,}\s*$/.test(line)) {
      blocks.push({ kind: "rule" });
      at += 1;
    } else if (line.startsWith(">")) {
      const end = endOf(lines, at, (other) => other.startsWith(">"));
      const inner = lines.slice(at, end).map((other) => other.replace(/^>\s?/, ""));
      blocks.push({ kind: "quote", children: parseMarkdown(inner.join("\n")) });
      at = end;
    } else if (line.includes("|") && TABLE_RULE.test(lines[at + 1] ?? "")) {
      const end = endOf(lines, at + 1, (other) => other.includes("|"));
      blocks.push({ kind: "table", head: cellsOf(line), rows: lines.slice(at + 2, end).map(cellsOf) });
      at = end;
    } else if (ITEM.test(line)) {
      const end = endOf(lines, at, (other) => ITEM.test(other) || /^\s{2,}\S/.test(other));
      blocks.push(listOf(lines.slice(at, end)));
      at = end;
    } else {
      const end = endOf(lines, at, (other) => other.trim() !== "" && !FENCE.test(other) && !ITEM.test(other));
      blocks.push({ kind: "paragraph", children: parseInline(lines.slice(at, end).join("\n")) });
      at = end;
    }
  }
  return blocks;
}

function endOf(lines: string[], begin: number, belongs: (line: string) => boolean): number {
  let end = begin + 1;
  while (end < lines.length && belongs(lines[end] ?? "")) end += 1;
  return end;
}

function listOf(lines: string[]): Block {
  const items: string[] = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item) items.push(item[3] ?? "");
    else items.push(`${items.pop() ?? ""} ${line.trim()}`);
  }
  return { kind: "list", ordered: /^\s*\d/.test(lines[0] ?? ""), items: items.map(parseInline) };
}

/** The cells of a table's line; a bar within code, or behind a backslash, parts nothing. */
function cellsOf(line: string): Inline[][] {
  const inner = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  const cells = inner.match(/(?:`[^`]*`|\\.|[^|])+|(?<=\||^)(?=\||$)/g) ?? [];
  return cells.map((cell) => parseInline(cell.trim().replaceAll("\\|", "|")));
}

const INLINE =
  /`([^`]+)`|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s][^*]*)\*|(?<!\w)_([^_\s][^_]*)_(?!\w)|\[([^\]]+)\]\(([^)\s]+)\)|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?])/g;

export function parseInline(text: string): Inline[] {
  const found: Inline[] = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) found.push({ kind: "text", text: text.slice(at, match.index) });
    found.push(inlineOf(match));
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push({ kind: "text", text: text.slice(at) });
  return found;
}

function inlineOf(match: RegExpExecArray): Inline {
  const [whole, code, strong, strongToo, emphasis, emphasisToo, label, address, bare] = match;
  if (code !== undefined) return { kind: "code", text: code };
  const bold = strong ?? strongToo;
  if (bold !== undefined) return { kind: "strong", children: parseInline(bold) };
  const slanted = emphasis ?? emphasisToo;
  if (slanted !== undefined) return { kind: "emphasis", children: parseInline(slanted) };
  const target = address ?? bare ?? "";
  // Anything but a web or mail address could run something.
  if (!/^(https?:\/\/|mailto:)/i.test(target)) return { kind: "text", text: whole };
  return { kind: "link", address: target, children: label ? parseInline(label) : [{ kind: "text", text: target }] };
}
