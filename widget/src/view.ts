/** The panel: header, conversation, composer. Shows a State; knows nothing of the network. */

import { Composer } from "./composer.ts";
import { el, icon, outLink } from "./dom.ts";
import { AGAIN, CLOSE, INTO_VIEW, NEW, SPARK } from "./icons.ts";
import { safeWebHref } from "./links.ts";
import { wait } from "./retrying.ts";
import { isFinal, type Config, type State, type Turn } from "./state.ts";
import type { Strings } from "./strings.ts";
import { TurnView, type TurnActions } from "./turn_view.ts";
import { scrolling } from "./viewport.ts";

export interface Actions extends TurnActions {
  ask(question: string): void;
  stop(): void;
  reset(): void;
  close(): void;
  reload(): void;
}

// Closer to the end than this, the view follows the answer as it grows.
const NEAR_END = 64;
const SPOKEN_MS = 4000;

export class PanelView {
  readonly node: HTMLElement;
  readonly composer: Composer;
  readonly #log: HTMLElement;
  readonly #scroller: HTMLElement;
  readonly #start = el("div", { class: "start" });
  readonly #status = el("p", { class: "unseen", role: "status" });
  readonly #toEnd: HTMLButtonElement;
  readonly #newButton: HTMLButtonElement;
  readonly #strings: Strings;
  readonly #actions: Actions;
  #turns = new Map<string, TurnView>();
  #shownStart = "";
  #follows = true;
  #wasStreaming = false;

  constructor(strings: Strings, config: Config | null, actions: Actions) {
    this.#strings = strings;
    this.#actions = actions;
    this.#newButton = this.#button("new", strings.newConversation, NEW, () => this.#startOver());
    this.#toEnd = this.#button("to-end", strings.toEnd, INTO_VIEW, () => this.scrollToEnd(true));
    this.#log = el("div", { class: "log", role: "log", "aria-live": "off", "aria-label": strings.conversation });
    this.#scroller = el("div", { class: "scroller", scroll: () => this.#scrolled() }, this.#start, this.#log);
    this.composer = new Composer(strings, config?.placeholder ?? "", actions.ask, actions.stop);
    const name = config?.name || strings.assistantFallback;
    const frame = { class: "panel", role: "dialog", "aria-label": strings.fill(strings.chatWith, { name }), tabindex: -1, hidden: true };
    const speech = { lang: strings.language, dir: strings.direction };
    const foot = el("footer", {}, this.composer.node, this.#smallPrint(config));
    const middle = el("div", { class: "middle" }, this.#scroller, this.#toEnd);
    this.node = el("section", { ...frame, ...speech }, this.#header(config, name), middle, foot, this.#status);
    this.#scrolled();
  }

  show(state: State): void {
    this.#showStart(state);
    this.#showTurns(state.turns);
    const streaming = state.turns.some((turn) => !isFinal(turn));
    this.composer.node.hidden = state.phase === "closed" || state.phase === "unreachable";
    this.composer.setStreaming(streaming);
    this.#newButton.hidden = state.turns.length === 0;
    if (streaming !== this.#wasStreaming) void this.#announce(streaming);
    this.#wasStreaming = streaming;
    if (this.#follows) this.scrollToEnd(false);
  }

  scrollToEnd(smoothly: boolean): void {
    this.#scroller.scrollTo({ top: this.#scroller.scrollHeight, behavior: smoothly ? scrolling() : "auto" });
  }

  /** The log itself is silent, or every token would be read: a screen reader hears the whole answer, once. */
  async #announce(streaming: boolean): Promise<void> {
    const last = [...this.#turns.values()].at(-1);
    const words = streaming ? this.#strings.answering : (last?.spoken ?? "");
    this.#status.textContent = words;
    if (streaming) return;
    await wait(SPOKEN_MS, this.#actions.life);
    // Who reads through the page must not meet the answer twice.
    if (this.#status.textContent === words) this.#status.textContent = "";
  }

  #showTurns(turns: readonly Turn[]): void {
    const keys = new Set(turns.map((turn) => turn.key));
    for (const [key, view] of this.#turns) {
      if (keys.has(key)) continue;
      view.node.remove();
      this.#turns.delete(key);
    }
    for (const turn of turns) {
      const view = this.#turns.get(turn.key);
      if (view) view.update(turn);
      else this.#add(turn);
    }
  }

  #add(turn: Turn): void {
    const view = new TurnView(turn, this.#strings, { ...this.#actions, ask: (question) => this.#put(question) });
    this.#turns.set(turn.key, view);
    this.#log.append(view.node);
    this.#follows = true;
  }

  /** What stands where no turn is yet: a greeting, or why there is nothing. */
  #showStart(state: State): void {
    const wanted = state.turns.length ? "none" : state.phase;
    if (wanted === this.#shownStart) return;
    this.#shownStart = wanted;
    this.#start.hidden = wanted === "none";
    this.#start.className = `start ${wanted}`;
    // The greeting names the assistant itself: the header would say it twice.
    this.node.classList.toggle("greeting", wanted === "ready");
    this.#start.replaceChildren(...this.#startFor(wanted, state.config));
  }

  #startFor(wanted: string, config: Config | null): Node[] {
    const { unreachable, closed, loading, retry } = this.#strings;
    if (wanted === "ready") return this.#greeting(config);
    if (wanted === "closed") return [this.#heading(closed.title), el("p", {}, closed.hint)];
    if (wanted === "loading") return [el("p", { class: "loading", role: "status" }, loading)];
    if (wanted !== "unreachable") return [];
    const again = el("button", { class: "retry", type: "button", click: () => this.#actions.reload() }, icon(AGAIN), retry);
    return [this.#heading(unreachable.title), el("p", {}, unreachable.hint), again];
  }

  #greeting(config: Config | null): Node[] {
    const hello = this.#heading(config?.greeting || this.#strings.greeting);
    const prompts = (config?.suggested_prompts ?? []).slice(0, 4);
    const name = el("bdi", {}, config?.name || this.#strings.assistantFallback);
    const top = [this.#avatar(config), el("p", { class: "name" }, name, ` · ${this.#strings.subtitle}`), hello];
    if (!prompts.length) return top;
    const chips = prompts.map((prompt) => el("li", {}, this.#chip(prompt)));
    return [...top, el("ul", { class: "chips", "aria-label": this.#strings.prompts }, ...chips)];
  }

  #heading(text: string): HTMLElement {
    return el("h2", { dir: "auto" }, text);
  }

  #chip(prompt: string): HTMLButtonElement {
    return el("button", { class: "chip", type: "button", click: () => this.#put(prompt) }, el("bdi", {}, prompt));
  }

  /** Ask a question that was offered, and go back to where the next one is written. */
  #put(question: string): void {
    this.#actions.ask(question);
    this.composer.field.focus();
  }

  #header(config: Config | null, name: string): HTMLElement {
    const titles = el("div", { class: "titles" }, el("h1", { dir: "auto" }, name), el("p", {}, this.#strings.subtitle));
    const close = this.#button("close", this.#strings.closeChat, CLOSE, () => this.#actions.close());
    return el("header", {}, this.#avatar(config), titles, this.#newButton, close);
  }

  #avatar(config: Config | null): HTMLElement {
    const logo = safeWebHref(config?.brand.logo_url);
    const frame = el("span", { class: "avatar", "aria-hidden": "true" }, icon(SPARK));
    if (logo) {
      const image = el("img", { src: logo, alt: "", referrerpolicy: "no-referrer" });
      // Until it has loaded, and where it cannot, the sign stays.
      image.addEventListener("load", () => frame.replaceChildren(image));
    }
    return frame;
  }

  #button(name: string, label: string, path: string, click: () => void): HTMLButtonElement {
    return el("button", { class: `round ${name}`, type: "button", "aria-label": label, title: label, click }, icon(path));
  }

  #smallPrint(config: Config | null): HTMLElement {
    const privacy = safeWebHref(config?.privacy_url);
    const link = privacy ? outLink(privacy, {}, this.#strings.privacy) : null;
    return el("p", { class: "small-print" }, this.#strings.disclaimer, link ? " " : null, link);
  }

  #startOver(): void {
    this.#actions.reset();
    this.composer.field.focus();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.#toEnd.hidden = this.#follows;
    this.node?.classList.toggle("scrolled", scrollTop > 4);
  }
}
