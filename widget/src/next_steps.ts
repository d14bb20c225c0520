/** What to do next when the sources hold no good answer: pages near the question, a person. */

import { el, icon, outLink } from "./dom.ts";
import { CHAT, OUT } from "./icons.ts";
import { safeHref, safeWebHref } from "./links.ts";
import type { Source, Turn } from "./state.ts";
import type { Strings } from "./strings.ts";

export class NextSteps {
  readonly node = el("section", { class: "next", hidden: true });
  readonly #strings: Strings;

  constructor(strings: Strings) {
    this.#strings = strings;
  }

  show({ label, related, contact }: Turn): void {
    const { mayHelp, related: alsoSee } = this.#strings;
    const pages = related.filter((page) => page.title);
    const heading = el("h3", {}, label === "refused" ? mayHelp : alsoSee);
    const list = el("ul", {}, ...pages.map((page) => el("li", {}, this.#page(page))));
    const person = this.#person(contact && safeHref(contact));
    this.node.replaceChildren(...(pages.length ? [heading, list] : []), ...(person ? [person] : []));
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

  #page({ title, url }: Source): Node {
    const href = safeWebHref(url);
    if (!href) return el("span", {}, title);
    return outLink(href, { "aria-label": `${title} (${this.#strings.newTab})` }, el("span", {}, title), icon(OUT));
  }
}
