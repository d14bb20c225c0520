/** One turn on the page: the question, the answer as it grows, and what one can do with it. */

import { el, icon } from "./dom.ts";
import { asDraft } from "./draft.ts";
import { AGAIN, CHECK, COPY, NOTE, UP } from "./icons.ts";
import { MarkdownView } from "./markdown_view.ts";
import { withMarks, withoutMarks } from "./marks.ts";
import { NextSteps } from "./next_steps.ts";
import { wait } from "./retrying.ts";
import { SourcesView } from "./sources_view.ts";
import { isFinal, type Citation, type Problem, type Turn, type Verdict } from "./state.ts";
import { english, type Strings } from "./strings.ts";

export interface TurnActions {
  ask(question: string): void;
  retry(key: string): void;
  rate(key: string, value: Verdict): Promise<boolean>;
  cite(citation: Citation): void;
  /** Ends when the chat is taken off the page. */
  readonly life: AbortSignal;
}

export class TurnView {
  readonly node: HTMLElement;
  readonly #answer = el("article", { class: "answer" });
  readonly #badge = el("p", { class: "badge", hidden: true });
  readonly #progress = el("p", { class: "progress" });
  readonly #notice = el("div", { class: "notice", hidden: true });
  readonly #tools = el("div", { class: "tools", hidden: true });
  readonly #caret = el("span", { class: "caret", "aria-hidden": "true" });
  readonly #text: MarkdownView;
  readonly #sources: SourcesView;
  readonly #next: NextSteps;
  readonly #strings: Strings;
  readonly #actions: TurnActions;
  #turn: Turn | null = null;

  constructor(turn: Turn, strings: Strings, actions: TurnActions) {
    this.#strings = strings;
    this.#actions = actions;
    this.#sources = new SourcesView(strings, (citation) => actions.cite(citation));
    this.#next = new NextSteps(strings, (question) => actions.ask(question));
    this.#text = new MarkdownView((n) => this.#mark(n));
    const said = el("span", { class: "unseen" }, `${strings.youSaid} `);
    const question = el("div", { class: "question" }, said, el("bdi", {}, turn.question));
    const parts = [this.#badge, this.#text.node, this.#progress, this.#notice, this.#sources.node, this.#next.node, this.#tools];
    this.#answer.append(el("span", { class: "unseen" }, strings.assistantSaid), ...parts);
    this.node = el("div", { class: "turn" }, question, this.#answer);
    this.update(turn);
  }

  update(turn: Turn): void {
    if (turn === this.#turn) return;
    this.#turn = turn;
    const writing = !isFinal(turn);
    // A screen reader hears the answer once, when it is whole.
    this.#answer.setAttribute("aria-busy", String(writing));
    this.#showText(turn, writing);
    this.#showProgress(turn, writing);
    this.#showBadge(turn);
    this.#showNotice(turn);
    this.#sources.show(writing ? [] : turn.citations, turn.label);
    this.#next.show(turn);
    this.#showTools(turn);
  }

  /** The answer as one hears it: its label, its words without marks, and what went wrong. */
  get spoken(): string {
    const copy = this.#text.node.cloneNode(true) as HTMLElement;
    copy.querySelectorAll(".mark").forEach((mark) => mark.remove());
    copy.querySelectorAll("p, li, td, th, pre, .heading, .line").forEach((block) => block.append(" "));
    const shown = [this.#badge, this.#notice.querySelector("p")].map((part) => (part?.closest("[hidden]") ? "" : part?.textContent));
    const [label, problem] = shown;
    return [this.#strings.assistantSaid, label, copy.textContent, problem, this.#next.spoken].filter(Boolean).join(" ").replace(/\s+/g, " ");
  }

  #showText(turn: Turn, writing: boolean): void {
    if (writing) {
      this.#caret.remove();
      this.#text.show(asDraft(withoutMarks(turn.reply)));
      if (turn.reply) this.#placeCaret();
      return;
    }
    this.#caret.remove();
    this.#text.show(withMarks(turn.reply, turn.citations));
    this.#text.node.hidden = turn.reply === "";
  }

  /** The caret goes to the end of the innermost last block. */
  #placeCaret(): void {
    let end: Element = this.#text.node;
    while (end.lastElementChild?.matches("p, ul, ol, li, blockquote, pre, pre code, .line")) {
      end = end.lastElementChild;
    }
    end.append(this.#caret);
  }

  #showProgress(turn: Turn, writing: boolean): void {
    const { count, thinking, reading, reconnecting } = this.#strings;
    const waiting = turn.sources.length ? count(reading, turn.sources.length) : thinking;
    this.#progress.hidden = !writing || (turn.reply !== "" && !turn.reconnecting);
    const dots = el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
    const words = turn.reconnecting ? reconnecting : waiting;
    if (this.#progress.textContent !== words) this.#progress.replaceChildren(dots, words);
  }

  #showBadge(turn: Turn): void {
    const words = turn.label ? this.#strings.labels[turn.label] : undefined;
    this.#badge.hidden = !words || turn.courtesy || !isFinal(turn);
    this.#badge.className = `badge ${turn.label ?? ""}`;
    const sign = turn.label === "curated" ? CHECK : NOTE;
    if (words) this.#badge.replaceChildren(icon(sign), words);
  }

  #showNotice(turn: Turn): void {
    const { stopped, interrupted, emptyAnswer } = this.#strings;
    this.#notice.hidden = true;
    if (turn.status === "failed") this.#note(this.#words(turn.problem), true);
    else if (turn.status === "interrupted") this.#note([interrupted, ""], true);
    else if (turn.status === "stopped") this.#note([stopped, ""], false);
    else if (turn.status === "complete" && !turn.reply.trim()) this.#note([emptyAnswer, ""], true);
  }

  #words(problem: Problem | null): [string, string] {
    const { problems } = this.#strings;
    const code = problem && problem.code in problems ? problem.code : "failed";
    const ours = problems[code];
    // The server speaks English: its own words stand where ours are English and the owner's are not there.
    const theirs = ours === english.problems[code] ? problem : null;
    return [theirs?.message || ours?.message || "", theirs?.hint || ours?.hint || ""];
  }

  #note([message, hint]: [string, string], again: boolean): void {
    const words = el("p", {}, el("span", {}, message), hint ? ` ${hint}` : null);
    this.#notice.className = again ? "notice failed" : "notice";
    this.#notice.replaceChildren(words, ...(again ? [this.#retryButton()] : []));
    this.#notice.hidden = false;
  }

  #retryButton(): HTMLButtonElement {
    const retry = () => this.#turn && this.#actions.retry(this.#turn.key);
    return el("button", { class: "retry", type: "button", click: retry }, icon(AGAIN), this.#strings.retry);
  }

  #showTools(turn: Turn): void {
    const useful = isFinal(turn) && turn.reply !== "" && turn.id !== null;
    this.#tools.hidden = !useful;
    if (!useful) return;
    if (!this.#tools.childElementCount) this.#fillTools();
    for (const button of this.#tools.querySelectorAll<HTMLElement>("[data-verdict]")) {
      button.setAttribute("aria-pressed", String(button.dataset.verdict === turn.feedback));
    }
  }

  #fillTools(): void {
    const { up, down, copy } = this.#strings;
    const reply = el("span", { class: "reply", role: "status" });
    const verdict = (value: "up" | "down", label: string) =>
      el("button", {
        type: "button", class: `tool ${value}`, "data-verdict": value, "aria-label": label, title: label,
        click: () => void this.#rate(value, reply),
      }, icon(UP));
    const copier = el("button", {
      type: "button", class: "tool", "aria-label": copy, title: copy,
      click: () => void this.#copy(copier, reply),
    }, icon(COPY));
    // The clipboard exists on secure pages only.
    const tools = navigator.clipboard ? [copier] : [];
    this.#tools.append(verdict("up", up), verdict("down", down), ...tools, reply);
  }

  async #rate(value: "up" | "down", reply: HTMLElement): Promise<void> {
    if (!this.#turn) return;
    const next = this.#turn.feedback === value ? null : value;
    const saved = await this.#actions.rate(this.#turn.key, next);
    const { thanks, notSaved } = this.#strings;
    this.#say(reply, saved ? (next ? thanks : "") : notSaved);
  }

  async #copy(button: HTMLElement, reply: HTMLElement): Promise<void> {
    await navigator.clipboard.writeText(this.#turn?.reply ?? "");
    button.replaceChildren(icon(CHECK));
    void wait(1600, this.#actions.life).then(() => button.replaceChildren(icon(COPY)));
    this.#say(reply, this.#strings.copied);
  }

  #mark(n: number): Node | null {
    const citation = this.#turn?.citations.find((other) => other.n === n);
    return citation ? this.#sources.mark(citation) : null;
  }

  /** Show a short message and let it go again. */
  #say(where: HTMLElement, words: string): void {
    where.textContent = words;
    void wait(2500, this.#actions.life).then(() => {
      if (where.textContent === words) where.textContent = "";
    });
  }
}
