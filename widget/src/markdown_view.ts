/** Markdown trees as nodes. Model text only ever becomes text nodes. */

import { el, outLink } from "./dom.ts";
import type { Inline } from "./inline.ts";
import { parseMarkdown, type Block } from "./markdown.ts";

/** Makes the node for citation mark n, or null where there is no such citation. */
export type MarkMaker = (n: number) => Node | null;

/** Shows a text that grows: only blocks that changed are built again. */
export class MarkdownView {
  readonly node = el("div", { class: "prose", dir: "auto" });
  #shown: string[] = [];
  readonly #mark: MarkMaker;

  constructor(mark: MarkMaker) {
    this.#mark = mark;
  }

  show(text: string): void {
    const blocks = parseMarkdown(text);
    const wanted = blocks.map((block) => JSON.stringify(block));
    let same = 0;
    while (same < wanted.length && wanted[same] === this.#shown[same]) same++;
    while (this.node.childNodes.length > same) this.node.lastChild?.remove();
    this.node.append(...blocks.slice(same).map((block) => this.#block(block)));
    this.#shown = wanted;
  }

  #block(block: Block): HTMLElement {
    switch (block.kind) {
      case "paragraph": return el("p", {}, ...this.#inline(block.inline));
      case "heading": return el("p", { class: "heading" }, ...this.#inline(block.inline));
      case "code": return el("pre", { tabindex: 0 }, el("code", {}, block.text));
      case "quote": return el("blockquote", {}, ...block.blocks.map((inner) => this.#block(inner)));
      case "rule": return el("hr");
      case "list": return this.#list(block);
      case "table": return this.#table(block);
    }
  }

  #list(block: Extract<Block, { kind: "list" }>): HTMLElement {
    const items = block.items.map((item) => el("li", {}, ...item.flatMap((inner) => this.#item(inner))));
    if (!block.ordered) return el("ul", {}, ...items);
    return el("ol", { start: block.start === 1 ? null : block.start }, ...items);
  }

  /** A paragraph in a list item stands without its own box, so that lists stay tight. */
  #item(block: Block): Node[] {
    if (block.kind !== "paragraph") return [this.#block(block)];
    return [el("span", { class: "line" }, ...this.#inline(block.inline))];
  }

  #table(block: Extract<Block, { kind: "table" }>): HTMLElement {
    const row = (cells: Inline[][], tag: "th" | "td") =>
      el("tr", {}, ...cells.map((cell) => el(tag, {}, ...this.#inline(cell))));
    const body = block.rows.map((cells) => row(cells, "td"));
    const table = el("table", {}, el("thead", {}, row(block.head, "th")), el("tbody", {}, ...body));
    return el("div", { class: "table", tabindex: 0 }, table);
  }

  #inline(inline: readonly Inline[]): Node[] {
    return inline.map((piece) => this.#piece(piece)).filter((node): node is Node => node !== null);
  }

  #piece(piece: Inline): Node | null {
    switch (piece.kind) {
      case "text": return document.createTextNode(piece.text);
      case "code": return el("code", {}, piece.text);
      case "break": return el("br");
      case "mark": return this.#mark(piece.n);
      case "link": return outLink(piece.href, { title: piece.href }, ...this.#inline(piece.children));
      case "strong": return el("strong", {}, ...this.#inline(piece.children));
      case "emphasis": return el("em", {}, ...this.#inline(piece.children));
      case "deleted": return el("del", {}, ...this.#inline(piece.children));
    }
  }
}
