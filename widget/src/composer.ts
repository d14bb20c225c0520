/** The box one writes in: grows, sends on Enter, and holds the send and stop buttons. */

import { el, icon } from "./dom.ts";
import { SEND, STOP } from "./icons.ts";
import type { Strings } from "./strings.ts";

// The server's default (max_question); a server set lower answers with its own sentence.
const LIMIT = 2000;

export class Composer {
  readonly node: HTMLFormElement;
  readonly field: HTMLTextAreaElement;
  readonly #mirror: HTMLElement;
  readonly #warning: HTMLElement;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #strings: Strings;
  readonly #ask: (question: string) => void;
  #streaming = false;

  constructor(strings: Strings, placeholder: string, ask: (question: string) => void, stop: () => void) {
    this.#strings = strings;
    this.#ask = ask;
    this.field = el("textarea", {
      rows: 1, placeholder: placeholder || strings.placeholder, "aria-label": strings.question,
      enterkeyhint: "send", autocomplete: "off", dir: "auto",
      input: () => this.#grow(), keydown: (event) => this.#keydown(event as KeyboardEvent),
    });
    this.#mirror = el("div", { class: "mirror" }, this.field);
    this.#send = el("button", { class: "send", type: "submit", "aria-label": strings.send, title: strings.send }, icon(SEND));
    this.#stop = el("button", { class: "send stop", type: "button", "aria-label": strings.stop, title: strings.stop, hidden: true, click: stop }, icon(STOP));
    this.#warning = el("p", { class: "warning", role: "alert", hidden: true });
    const box = el("div", { class: "box", click: () => this.field.focus() }, this.#mirror, this.#send, this.#stop);
    this.node = el("form", { class: "composer", submit: (event) => this.#submit(event) }, this.#warning, box);
    this.#grow();
  }

  setStreaming(streaming: boolean): void {
    const focused = this.#focused();
    this.#streaming = streaming;
    this.#send.hidden = streaming;
    this.#stop.hidden = !streaming;
    this.#grow();
    // The button under the finger has gone: do not drop focus on the page.
    if (focused === this.#send || focused === this.#stop) this.field.focus();
  }

  #focused(): Element | null {
    return (this.node.getRootNode() as ShadowRoot).activeElement ?? null;
  }

  #keydown(event: KeyboardEvent): void {
    // Enter that ends an input method's word must not send.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submit(event);
  }

  #submit(event: Event): void {
    event.preventDefault();
    const question = this.field.value.trim();
    if (!question || this.#streaming || question.length > LIMIT) return;
    this.field.value = "";
    this.#grow();
    this.#ask(question);
  }

  #grow(): void {
    // A hidden copy of the text in the same grid cell gives the field its height, without style attributes.
    this.#mirror.dataset.text = this.field.value;
    const length = this.field.value.trim().length;
    this.#warning.hidden = length <= LIMIT;
    this.#warning.textContent = length > LIMIT ? this.#strings.fill(this.#strings.tooLong, { limit: LIMIT }) : "";
    this.#send.toggleAttribute("disabled", length === 0 || length > LIMIT);
  }
}
