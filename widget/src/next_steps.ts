/** What to do next when the sources hold no good answer: a better question, pages, a person. */

import { el, icon, outLink } from "./dom.ts";
import { CHAT, OUT } from "./icons.ts";
import { safeHref, safeWebHref } from "./links.ts";
import type { Near, Source, Turn } from "./state.ts";
import type { Strings } from "./strings.ts";

export class NextSteps {
  readonly node = el("section", { class: "next", hidden: true });
  readonly #strings: Strings;
  readonly #ask: (question: string) => void;

  constructor(strings: Strings, ask: (question: string) => void) {
    this.#strings = strings;
    this.#ask = ask;
  }

  /** What a screen reader says of it, after the answer. */
  get spoken(): string {
    const parts = this.node.querySelectorAll("h3, li, .retry");
    return [...parts].map((part) => part.textContent).join(". ");
  }

  show({ label, related, contact }: Turn): void {
    const { meant, mayHelp, related: alsoSee } = this.#strings;
    const near = related.filter((one) => one.title);
    const questions = near.filter((one) => one.ask).map((one) => this.#question(one));
    const pages = near.filter((one) => !one.ask).map((one) => this.#page(one));
    const person = this.#person(contact && safeHref(contact));
    this.node.replaceChildren(
      ...list(meant, questions, "meant"),
      ...list(label === "refused" ? mayHelp : alsoSee, pages, "pages"),
      ...(person ? [person] : []),
    );
    this.node.hidden = !this.node.childElementCount;
  }

  #person(href: string | null): HTMLElement | null {
    const { contact, newTab } = this.#strings;
    const inside = [icon(CHAT), contact];
    if (!href) return null;
    // A mail or telephone program opens beside the page: a new tab would stay empty.
    if (!safeWebHref(href)) return el("a", { class: "retry", href }, ...inside);
    return outLink(href, { class: "retry", "aria-label": `${contact} (${newTab})` }, ...inside);
  }

  #question({ title }: Near): Node {
    return el("button", { class: "chip", type: "button", click: () => this.#ask(title) }, el("bdi", {}, title));
  }

  #page({ title, url }: Source): Node {
    const href = safeWebHref(url);
    if (!href) return el("span", { dir: "auto" }, title);
    return outLink(href, { "aria-label": `${title} (${this.#strings.newTab})` }, el("span", { dir: "auto" }, title), icon(OUT, "icon out"));
  }
}

function list(title: string, items: readonly Node[], name: string): Node[] {
  if (!items.length) return [];
  return [el("h3", {}, title), el("ul", { class: name }, ...items.map((item) => el("li", {}, item)))];
}
