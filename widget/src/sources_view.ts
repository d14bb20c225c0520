/** The sources under an answer: title, place and quote, opened by their marks in the text. */

import { el, icon, outLink } from "./dom.ts";
import { DOWN, OUT } from "./icons.ts";
import { safeWebHref, shortAddress } from "./links.ts";
import type { Citation, Label } from "./state.ts";
import type { Strings } from "./strings.ts";
import { scrolling } from "./viewport.ts";

export class SourcesView {
  readonly node = el("section", { class: "sources" });
  #items = new Map<number, HTMLDetailsElement>();
  readonly #strings: Strings;
  readonly #opened: (citation: Citation) => void;

  constructor(strings: Strings, opened: (citation: Citation) => void) {
    this.#strings = strings;
    this.#opened = opened;
  }

  show(citations: readonly Citation[], label: Label | null): void {
    const sorted = [...citations].sort((a, b) => a.n - b.n);
    this.#items = new Map(sorted.map((citation) => [citation.n, this.#item(citation)]));
    // A supported answer says so here, quietly: a badge on every good answer would shout.
    const { backing, sources } = this.#strings;
    const words = this.#strings.count(label === "supported" ? backing : sources, sorted.length);
    const title = el("h3", {}, words);
    this.node.replaceChildren(...(sorted.length ? [title, ...this.#items.values()] : []));
    this.node.hidden = sorted.length === 0;
  }

  /** The small number in the text that opens its source. */
  mark(citation: Citation): HTMLButtonElement {
    const { fill, number, source } = this.#strings;
    const label = fill(source, { n: citation.n, title: citation.title });
    const attributes = { class: "mark", type: "button", "aria-label": label, title: citation.title };
    return el("button", { ...attributes, click: () => this.#reveal(citation.n) }, number(citation.n));
  }

  #reveal(n: number): void {
    const item = this.#items.get(n);
    if (!item) return;
    item.open = true;
    item.querySelector("summary")?.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest", behavior: scrolling() });
  }

  #item(citation: Citation): HTMLDetailsElement {
    const href = safeWebHref(citation.url);
    const names = el("span", { class: "names" }, el("span", { class: "title", dir: "auto" }, citation.title || (href ?? "")));
    const state = citation.state && this.#strings.pageStates[citation.state];
    if (state) names.append(el("span", { class: "place changed" }, state));
    else if (href) names.append(el("span", { class: "place", dir: "ltr" }, shortAddress(href)));
    const summary = el("summary", {}, el("span", { class: "number" }, this.#strings.number(citation.n)), names, icon(DOWN));
    const body = el("div", { class: "quote" });
    // The link of a curated answer that leads elsewhere quotes nothing.
    if (citation.quote) body.append(el("blockquote", { dir: "auto" }, citation.quote));
    if (href) body.append(this.#open(href, citation.title));
    const details = el("details", { toggle: () => details.open && this.#opened(citation) }, summary, body);
    return details;
  }

  #open(href: string, title: string): HTMLAnchorElement {
    const { openPage, newTab } = this.#strings;
    return outLink(href, { class: "open", "aria-label": `${openPage}: ${title} (${newTab})` }, openPage, icon(OUT, "icon out"));
  }
}
