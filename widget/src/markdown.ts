/** Markdown to a tree of blocks. Pure: markdown_view.ts turns the tree into nodes. */

import { parseInline, type Inline } from "./inline.ts";
import { MARK } from "./marks.ts";

export type Block =
  | { kind: "paragraph"; inline: Inline[] }
  | { kind: "heading"; inline: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "list"; ordered: boolean; start: number; items: Block[][] }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

const FENCE = /^ {0,3}(```+|~~~+)/;
const HEADING = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+•]|\d{1,9}[.)])(?:\s+(.*)|$)/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const DEPTH = 6;

/** Parse a whole reply. */
export function parseMarkdown(text: string): Block[] {
  return parseBlocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

function parseBlocks(lines: readonly string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    if (line.trim() === "") {
      at++;
      continue;
    }
    const [found, next] = blockAt(lines, at, depth);
    blocks.push(...found);
    at = next;
  }
  return blocks;
}

/** The block that begins at a line, and the line after it. */
function blockAt(lines: readonly string[], at: number, depth: number): [Block[], number] {
  const line = lines[at] ?? "";
  if (FENCE.test(line)) return fence(lines, at);
  const heading = HEADING.exec(line);
  if (heading) return [[{ kind: "heading", inline: parseInline(heading[1] ?? "") }], at + 1];
  if (RULE.test(line)) return [[{ kind: "rule" }], at + 1];
  if (depth < DEPTH && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < DEPTH && ITEM.test(line)) return list(lines, at, depth);
  if (isTable(lines, at)) return table(lines, at);
  return paragraph(lines, at, depth);
}

function fence(lines: readonly string[], at: number): [Block[], number] {
  const open = (FENCE.exec(lines[at] ?? "")?.[1] ?? "```").slice(0, 3);
  const marks: string[] = (lines[at] ?? "").match(MARK) ?? [];
  const code: string[] = [];
  let next = at + 1;
  for (; next < lines.length; next++) {
    const line = lines[next] ?? "";
    marks.push(...(line.match(MARK) ?? []));
    const plain = line.replace(MARK, "");
    if (plain.trim().startsWith(open)) break;
    code.push(plain);
  }
  const block: Block = { kind: "code", text: code.join("\n") };
  // Marks cannot stand inside code: they follow it.
  const after: Block[] = marks.length ? [{ kind: "paragraph", inline: parseInline(marks.join("")) }] : [];
  return [[block, ...after], next + 1];
}

function quote(lines: readonly string[], at: number, depth: number): [Block[], number] {
  const inner: string[] = [];
  let next = at;
  for (; next < lines.length && QUOTE.test(lines[next] ?? ""); next++) {
    inner.push((lines[next] ?? "").replace(QUOTE, ""));
  }
  return [[{ kind: "quote", blocks: parseBlocks(inner, depth + 1) }], next];
}

function list(lines: readonly string[], at: number, depth: number): [Block[], number] {
  const first = ITEM.exec(lines[at] ?? "");
  const indent = first?.[1]?.length ?? 0;
  const ordered = /\d/.test(first?.[2] ?? "");
  const items: string[][] = [];
  let next = at;
  for (; next < lines.length; next++) {
    const line = lines[next] ?? "";
    const item = ITEM.exec(line);
    if (item && (item[1]?.length ?? 0) < indent + 2) {
      if (/\d/.test(item[2] ?? "") !== ordered || RULE.test(line)) break;
      items.push([item[3] ?? ""]);
    } else if (endsList(lines, next, indent)) {
      break;
    } else {
      items.at(-1)?.push(line.slice(Math.min(indent + 2, leading(line))));
    }
  }
  const start = ordered ? parseInt(first?.[2] ?? "1", 10) : 1;
  return [[{ kind: "list", ordered, start, items: items.map((item) => parseBlocks(item, depth + 1)) }], next];
}

/** A list ends at an unindented line that follows an empty one, or that starts another block. */
function endsList(lines: readonly string[], at: number, indent: number): boolean {
  const line = lines[at] ?? "";
  if (line.trim() === "" || leading(line) >= indent + 2) return false;
  return (lines[at - 1] ?? "").trim() === "" || startsBlock(lines, at, 0);
}

function leading(line: string): number {
  return line.length - line.trimStart().length;
}

function startsBlock(lines: readonly string[], at: number, depth: number): boolean {
  const line = lines[at] ?? "";
  if (FENCE.test(line) || HEADING.test(line) || RULE.test(line)) return true;
  return depth < DEPTH && (QUOTE.test(line) || ITEM.test(line));
}

function isTable(lines: readonly string[], at: number): boolean {
  const head = lines[at] ?? "";
  const rule = lines[at + 1] ?? "";
  return head.includes("|") && rule.includes("|") && TABLE_RULE.test(rule.replace(MARK, ""));
}

function table(lines: readonly string[], at: number): [Block[], number] {
  const head = cells(lines[at] ?? "");
  const rows: Inline[][][] = [];
  let next = at + 2;
  for (; next < lines.length && (lines[next] ?? "").includes("|"); next++) {
    const row = cells(lines[next] ?? "").slice(0, head.length);
    rows.push([...row, ...head.slice(row.length).map(() => [])]);
  }
  return [[{ kind: "table", head, rows }], next];
}

function cells(line: string): Inline[][] {
  const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  // An escaped bar belongs to its cell (a look-behind would not parse in Safari before 16.4).
  const found = inner.match(/(?:\\.|[^|\\])+|\|(?=\|)/g) ?? [];
  return found.map((cell) => parseInline(cell === "|" ? "" : cell.trim().replace(/\\\|/g, "|")));
}

function paragraph(lines: readonly string[], at: number, depth: number): [Block[], number] {
  let next = at + 1;
  while (next < lines.length && (lines[next] ?? "").trim() !== "" && !startsBlock(lines, next, depth)) next++;
  const text = lines.slice(at, next).map((line) => line.trimStart()).join("\n");
  return [[{ kind: "paragraph", inline: parseInline(text) }], next];
}
