/**
 * <parlance-chat>: the chat itself.
 *
 * @attr data-assistant  the assistant's key (required)
 * @attr data-server     where Parlance runs; default: where this script came from
 * @attr mode            "bubble" (a button that opens a panel, default) or "page" (fills its place)
 * @attr data-position   "right" or "left"; default: the assistant's setting
 * @attr lang            the language of its own words; default: the page's, else the browser's
 * @attr strings         JSON: the owner's words in place of ours (data-strings on the script tag)
 * @attr data-theme      "auto", "light" or "dark"; default: the assistant's setting
 * @attr open            present while the panel is open
 * @attr data-beside     set by itself where another assistant stands in the same corner
 * @method open, close, toggle, send, reset, setContext, setLocale, setStrings, destroy
 * @fires parlance-ready, -open, -close, -message, -answer, -citation, -feedback, -error (see index.d.ts)
 */

import { Client } from "./client.ts";
import { dropCopies } from "./copies.ts";
import { adopt, icon, setVariables } from "./dom.ts";
import { DOWN } from "./icons.ts";
import { keepInside } from "./keyboard.ts";
import { drawLauncher, standBeside } from "./launcher.ts";
import { Memory } from "./memory.ts";
import { report, tell } from "./report.ts";
import { Session } from "./session.ts";
import { explainFailure, watchPolicy } from "./settings.ts";
import { isFinal, type Config, type State } from "./state.ts";
import { Speech } from "./speech.ts";
import type { Strings } from "./strings.ts";
import { styles } from "./styles.ts";
import { palette, schemeFor } from "./theme.ts";
import { PanelView } from "./view.ts";
import { followViewport, isFullScreen } from "./viewport.ts";

const TAG = "parlance-chat";

export class ParlanceChat extends HTMLElement {
  static observedAttributes = ["data-theme", "data-position", "lang", "strings", "data-strings"];

  /** Set by the loader: the settings it has already asked for. */
  declare settings?: Promise<Config>;
  /** Made by the loader, which puts it back where a page was swapped. */
  declare launched?: boolean;
  /** Codes of what was told already; shared with the loader. */
  declare reported?: Set<string>;

  readonly #root: ShadowRoot;
  readonly #sheet: CSSStyleSheet | null;
  #speech: Speech | null = null;
  #session: Session | null = null;
  #memory: Memory | null = null;
  #view: PanelView | null = null;
  #launcher: HTMLButtonElement | null = null;
  #config: Config | null = null;
  #listening: AbortController | null = null;
  readonly #life = new AbortController();
  #frame = 0;
  #finished = 0;
  #loading: Promise<void> = Promise.resolve();

  constructor() {
    super();
    // The loader may have made the root, with the launcher in it, before this script arrived.
    this.#root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    this.#sheet = adopt(this.#root, styles);
  }

  connectedCallback(): void {
    if (this.#life.signal.aborted) return;
    this.#listen();
    this.#paint();
    if (this.launched) dropCopies(this);
    if (!this.#session) this.#begin();
  }

  disconnectedCallback(): void {
    // Single-page sites move nodes about: the conversation goes on, only the listeners go.
    this.#listening?.abort();
  }

  attributeChangedCallback(name: string): void {
    if (name === "data-theme" || name === "data-position") this.#paint();
    else this.#speak();
  }

  get isPage(): boolean {
    return this.getAttribute("mode") === "page";
  }

  get isOpen(): boolean {
    return this.hasAttribute("open");
  }

  open(): void {
    if (this.isOpen) return;
    this.setAttribute("open", "");
    if (this.#memory) this.#memory.open = true;
    tell(this, "open");
    this.#launcher?.classList.remove("unread");
    this.#showOpen();
    this.#view?.scrollToEnd(false);
    this.#focusInside();
    if (this.#session?.state.phase === "unreachable") this.#load();
  }

  close(): void {
    if (!this.isOpen || this.isPage) return;
    const hadFocus = this.#root.activeElement !== null;
    this.removeAttribute("open");
    tell(this, "close");
    this.#showOpen();
    if (this.#memory) this.#memory.open = false;
    if (hadFocus) this.#launcher?.focus();
  }

  toggle(): void {
    if (this.isOpen) this.close();
    else this.open();
  }

  /** Forget this conversation and begin a new one. */
  reset(): void {
    this.#session?.reset();
  }

  /** Ask as if the visitor had; false if the question was not taken. */
  async send(question: string): Promise<boolean> {
    await this.#loading;
    return this.#session?.state.phase === "ready" && this.#session.ask(String(question));
  }

  setContext(context: { page?: string }): void {
    const unknown = Object.keys(context).filter((name) => name !== "page");
    if (unknown.length) report(this, "unknown-context", `setContext takes { page }, not ${unknown.join(", ")}.`);
    if (this.#session) this.#session.page = context.page ?? null;
  }

  setLocale(lang: string): void {
    this.lang = lang;
  }

  setStrings(strings: object): void {
    if (this.#speech) this.#speech.own = strings;
    this.#speak();
  }

  /** Leave the page for good: no listener, timer, stream or node stays. */
  destroy(): void {
    this.#life.abort();
    this.#listening?.abort();
    this.#session?.end();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#frame);
    this.#root.replaceChildren();
    this.remove();
  }

  #begin(): void {
    const assistant = this.dataset.assistant?.trim();
    const server = (this.dataset.server?.trim() || ownServer()).replace(/\/+$/, "");
    if (!assistant) {
      return report(this, "no-assistant", "<parlance-chat> has no data-assistant. Put the assistant's key there.");
    }
    const blocked = watchPolicy(server, this.#life.signal);
    this.#memory = new Memory(server, assistant);
    this.#session = new Session(new Client(server, assistant), this.#memory, {
      changed: () => this.#schedule(),
      tell: (event, detail) => tell(this, event, detail),
      unsettled: (status) => void explainFailure(this, server, { status, blocked }),
    });
    this.#speech = new Speech(this, server, { signal: this.#life.signal, changed: () => this.#build() });
    if (!this.isPage) this.#addLauncher();
    this.#speak();
    this.#load();
  }

  #load(): void {
    const underWay = this.settings;
    delete this.settings;
    this.#loading = (async () => {
      const config = await this.#session?.load(underWay);
      if (config) this.#configure(config);
    })();
  }

  #configure(config: Config): void {
    const first = this.#config === null;
    this.#config = config;
    this.#paint();
    if (!first) return;
    this.#speak();
    tell(this, "ready", { name: config.name });
  }

  /** Find the words that are wanted now and draw the panel in them. */
  #speak(): void {
    void this.#speech?.speak(this.#config?.language);
  }

  /** Build the panel, again once the assistant's name is known or the language is another. */
  #build(): void {
    const strings = this.#speech?.strings;
    if (!strings) return;
    const old = this.#view;
    const focused = this.#root.activeElement === old?.composer.field;
    this.#view = new PanelView(strings, this.#config, {
      ask: (question) => this.#session?.ask(question),
      stop: () => void this.#session?.stop(),
      reset: () => this.reset(),
      close: () => this.close(),
      reload: () => this.#load(),
      retry: (key) => this.#session?.retry(key),
      cite: ({ n, title, url, quote }) => tell(this, "citation", { n, title, url, quote }),
      life: this.#life.signal,
      rate: (key, value) => this.#session?.rate(key, value) ?? Promise.resolve(false),
    });
    this.#view.composer.field.value = old?.composer.field.value ?? "";
    this.#root.append(this.#view.node);
    old?.node.remove();
    if (this.isPage) this.#asPage(this.#view);
    this.#showOpen();
    this.#render();
    if (this.#memory?.open && !this.isOpen && !isFullScreen()) this.#reopen();
    else if (focused) this.#view.composer.field.focus();
    else if (!old && this.isOpen && !this.isPage) this.#focusInside();
  }

  /** Open as it was on the page before, without taking the focus from this one. */
  #reopen(): void {
    const focused = document.activeElement;
    this.open();
    if (focused instanceof HTMLElement && focused !== this) focused.focus({ preventScroll: true });
    if (focused === document.body) (this.#root.activeElement as HTMLElement | null)?.blur();
  }

  #asPage(view: PanelView): void {
    this.setAttribute("open", "");
    view.node.setAttribute("role", "main");
  }

  #addLauncher(): void {
    this.#launcher = drawLauncher(this.#root, "");
    this.#launcher.append(icon(DOWN, "icon down"));
    this.#launcher.setAttribute("aria-haspopup", "dialog");
    this.#launcher.addEventListener("click", () => this.toggle());
  }

  /** Show the panel or not, and say so on the launcher. */
  #showOpen(): void {
    if (this.#view) this.#view.node.hidden = !this.isOpen;
    if (!this.isPage) this.#view?.node.setAttribute("aria-modal", String(isFullScreen()));
    this.#launcher?.setAttribute("aria-expanded", String(this.isOpen));
    this.#nameLauncher();
  }

  #nameLauncher(): void {
    const strings = this.#speech?.strings;
    if (!strings || !this.#view) return;
    const label = this.isOpen ? strings.closeChat : this.#openLabel(strings);
    const news = this.#launcher?.classList.contains("unread") ? `. ${strings.newAnswer}` : "";
    this.#launcher?.setAttribute("aria-label", label + news);
    this.#launcher?.setAttribute("lang", strings.language);
  }

  #openLabel(strings: Strings): string {
    return strings.fill(strings.openChat, { name: this.#config?.name || strings.assistantFallback });
  }

  #focusInside(): void {
    // On a phone the keyboard would jump up and hide the greeting.
    const quiet = matchMedia("(pointer: coarse)").matches || this.#view?.composer.node.hidden;
    (quiet ? this.#view?.node : this.#view?.composer.field)?.focus({ preventScroll: true });
  }

  #listen(): void {
    this.#listening?.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#root.addEventListener("keydown", (event) => this.#keydown(event as KeyboardEvent), { signal });
    const language = new MutationObserver(() => this.#speak());
    language.observe(document.documentElement, { attributeFilter: ["lang"] });
    signal.addEventListener("abort", () => language.disconnect());
    addEventListener("pageshow", ({ persisted }) => persisted && void this.#session?.revive(), { signal });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.#paint(), { signal });
    followViewport((top, height) => {
      setVariables(this.#sheet, { "--view-top": `${top}px`, "--view-height": `${height}px` });
    }, signal);
  }

  #keydown(event: KeyboardEvent): void {
    // The page must not take typing for its own shortcuts.
    event.stopPropagation();
    if (event.key === "Escape" && !event.isComposing) this.close();
    else if (event.key === "Tab" && this.isOpen && !this.isPage && isFullScreen()) keepInside(this.#root, this.#view?.node, event);
  }

  #paint(): void {
    const brand = this.#config?.brand;
    const scheme = schemeFor(this.dataset.theme ?? brand?.theme);
    const color = brand?.color || this.dataset.color || "";
    setVariables(this.#sheet, palette(color, scheme));
    this.toggleAttribute("data-dark", scheme === "dark");
    const side = this.dataset.position ?? brand?.position;
    this.toggleAttribute("data-left", side === "left");
    if (!this.isPage) standBeside(this);
  }

  /** Many tokens may arrive within one frame: draw once. A hidden page draws no frames. */
  #schedule(): void {
    if (this.#frame || this.#life.signal.aborted) return;
    const draw = () => {
      this.#frame = 0;
      this.#render();
    };
    if (document.hidden) this.#frame = setTimeout(draw, 100) as unknown as number;
    else this.#frame = requestAnimationFrame(draw);
  }

  #render(): void {
    const state = this.#session?.state;
    if (!state) return;
    this.#view?.show(state);
    this.#tellUnread(state);
  }

  #tellUnread(state: State): void {
    const finished = state.turns.filter(isFinal).length;
    const isNews = finished > this.#finished && state.phase === "ready" && !this.isOpen;
    this.#launcher?.classList.toggle("unread", isNews || (this.#launcher.classList.contains("unread") && !this.isOpen));
    this.#nameLauncher();
    this.#finished = finished;
  }
}

/** The folder above the one this script came from: works behind a path prefix as well. */
function ownServer(): string {
  return new URL("..", import.meta.url).href;
}

if (!customElements.get(TAG)) customElements.define(TAG, ParlanceChat);
