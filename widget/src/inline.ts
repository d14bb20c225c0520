/** The inline half of Markdown: emphasis, code, links, marks. */

import { safeHref } from "./links.ts";
import { isMark, MARK, markNumber } from "./marks.ts";

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "break" }
  | { kind: "mark"; n: number }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "strong" | "emphasis" | "deleted"; children: Inline[] };

const LINK = /!?\[([^[\]\n]*)\]\(<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+["'][^"'\n]*["'])?\)/y;
const ADDRESS = /https?:\/\/[^\s<>"\ue000-\ue3ff]+/iy;
const ANGLED = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/iy;
const ESCAPED = /[!-/:-@[-`{-~]/;
const WRAPS = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "deleted"],
  ["*", "emphasis"],
  ["_", "emphasis"],
] as const;
const DEPTH = 8;

/** Parse the text of one block. */
export function parseInline(text: string): Inline[] {
  return new InlineParser(text, 0, true).parse();
}

class InlineParser {
  #at = 0;
  #plain = "";
  #out: Inline[] = [];
  // Delimiters that have no closer further on: without this, "*a *a *a" is quadratic.
  #unclosed = new Set<string>();
  readonly text: string;
  readonly depth: number;
  readonly links: boolean;

  constructor(text: string, depth: number, links: boolean) {
    this.text = text;
    this.depth = depth;
    this.links = links;
  }

  parse(): Inline[] {
    while (this.#at < this.text.length) {
      if (!this.#special()) this.#plain += this.text[this.#at++] ?? "";
    }
    this.#flush();
    return this.#out;
  }

  /** Consume what begins here, if it is more than a character of text. */
  #special(): boolean {
    const char = this.text[this.#at] ?? "";
    if (isMark(char)) return this.#emit({ kind: "mark", n: markNumber(char) }, 1);
    switch (char) {
      case "\\": return this.#escape();
      case "\n": return this.#newline();
      case "`": return this.#code();
      case "!":
      case "[": return this.#link();
      case "<": return this.#angled();
      case "h":
      case "H": return this.#address();
      case "*":
      case "_":
      case "~": return this.#wrap();
      default: return false;
    }
  }

  #flush(): void {
    if (this.#plain) this.#out.push({ kind: "text", text: this.#plain });
    this.#plain = "";
  }

  #emit(node: Inline, length: number): true {
    this.#flush();
    this.#out.push(node);
    this.#at += length;
    return true;
  }

  #escape(): boolean {
    const next = this.text[this.#at + 1] ?? "";
    if (!ESCAPED.test(next)) return false;
    this.#plain += next;
    this.#at += 2;
    return true;
  }

  #newline(): boolean {
    if (!this.#plain.endsWith("  ")) {
      this.#plain = this.#plain.trimEnd() + " ";
      this.#at++;
      return true;
    }
    this.#plain = this.#plain.trimEnd();
    return this.#emit({ kind: "break" }, 1);
  }

  #code(): boolean {
    const ticks = /`+/y;
    ticks.lastIndex = this.#at;
    const fence = ticks.exec(this.text)?.[0] ?? "`";
    const end = this.#closer(fence, this.#at + fence.length);
    if (end < 0) return false;
    const inner = this.text.slice(this.#at + fence.length, end).replace(/\n/g, " ");
    this.#emit({ kind: "code", text: inner.replace(MARK, "").replace(/^ (.+) $/, "$1") }, 0);
    this.#marksOf(inner);
    this.#at = end + fence.length;
    return true;
  }

  #link(): boolean {
    const found = this.#match(LINK);
    if (!found || !this.links) return false;
    const address = (found[2] ?? "").replace(MARK, "");
    const href = safeHref(address);
    if (href === null) return this.#verbatim(found[0]);
    // An image would be fetched without a click, so it becomes a link like any other.
    const label = found[1]?.trim() || address;
    this.#emit({ kind: "link", href, children: this.#inside(label, false) }, found[0].length);
    this.#marksOf(found[2] ?? "");
    return true;
  }

  #angled(): boolean {
    const found = this.#match(ANGLED);
    const address = found?.[1]?.replace(MARK, "") ?? "";
    const href = this.links && address ? safeHref(address) : null;
    if (!found || href === null) return false;
    this.#emit({ kind: "link", href, children: [{ kind: "text", text: address }] }, found[0].length);
    this.#marksOf(found[0]);
    return true;
  }

  #address(): boolean {
    if (!this.links || /\w$/.test(this.#plain)) return false;
    const found = this.#match(ADDRESS)?.[0];
    const address = found ? withoutTail(found) : "";
    const href = address ? safeHref(address) : null;
    if (href === null) return false;
    return this.#emit({ kind: "link", href, children: [{ kind: "text", text: address }] }, address.length);
  }

  #wrap(): boolean {
    if (this.depth >= DEPTH) return false;
    for (const [mark, kind] of WRAPS) {
      if (!this.text.startsWith(mark, this.#at)) continue;
      const end = this.#wrapEnd(mark);
      if (end < 0) continue;
      const inner = this.text.slice(this.#at + mark.length, end);
      return this.#emit({ kind, children: this.#inside(inner, this.links) }, inner.length + 2 * mark.length);
    }
    return false;
  }

  /** Where the emphasis that opens here closes, or -1. */
  #wrapEnd(mark: string): number {
    const from = this.#at + mark.length;
    if (/^\s?$/.test(this.text[from] ?? "")) return -1;
    const words = mark[0] === "_";
    if (words && /\w/.test(this.text[this.#at - 1] ?? "")) return -1;
    let end = this.#closer(mark, from + 1);
    while (end >= 0) {
      const after = this.text[end + mark.length] ?? "";
      const closes = !/\s/.test(this.text[end - 1] ?? "") && !(words && /\w/.test(after));
      // A single * must not close on the first half of **.
      const doubled = mark.length === 1 && (after === mark || this.text[end - 1] === mark);
      if (closes && !doubled) return end;
      end = this.#closer(mark, end + (doubled ? 2 : 1));
    }
    this.#unclosed.add(mark);
    return -1;
  }

  #closer(mark: string, from: number): number {
    if (this.#unclosed.has(mark)) return -1;
    const end = this.text.indexOf(mark, from);
    if (end < 0) this.#unclosed.add(mark);
    return end;
  }

  #inside(text: string, links: boolean): Inline[] {
    return new InlineParser(text, this.depth + 1, links).parse();
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.text);
  }

  #verbatim(source: string): true {
    this.#plain += source.replace(MARK, "");
    this.#at += source.length;
    this.#marksOf(source);
    return true;
  }

  #marksOf(source: string): void {
    const marks = source.match(MARK) ?? [];
    if (marks.length) this.#flush();
    for (const mark of marks) this.#out.push({ kind: "mark", n: markNumber(mark) });
  }
}

/** Punctuation that ends the sentence is not part of the address, nor an unmatched bracket. */
function withoutTail(address: string): string {
  let end = address.replace(/[.,;:!?'*_~]+$/, "");
  while (end.endsWith(")") && !end.includes("(")) end = end.slice(0, -1).replace(/[.,;:!?]+$/, "");
  return end;
}
