/** The words an element speaks: chosen, fetched and overlaid, anew whenever a wish changes. */

import { baseOf, chooseLocale, knownLocale, LANGUAGES, tableFor } from "./languages.ts";
import { report, type Reporting } from "./report.ts";
import { english, overlay, stringsIn, type Strings, type Table } from "./strings.ts";

export class Speech {
  strings: Strings = stringsIn("en", english);
  /** What the page's script has said, over the attribute. */
  own: object | null = null;
  readonly #element: Reporting;
  readonly #server: string;
  readonly #signal: AbortSignal;
  readonly #changed: () => void;
  #asked = 0;
  #fetched: { language: string; table: Promise<Table> } | null = null;

  constructor(element: Reporting, server: string, options: { signal: AbortSignal; changed: () => void }) {
    this.#element = element;
    this.#server = server;
    this.#signal = options.signal;
    this.#changed = options.changed;
  }

  /** Take up the wanted language: at once if it is English, else when its file is here. */
  async speak(assistants?: string): Promise<void> {
    const asked = ++this.#asked;
    const wanted = this.#wanted(assistants);
    const table = baseOf(wanted) === "en" ? english : await this.#table(wanted);
    if (asked !== this.#asked || this.#signal.aborted) return;
    this.strings = stringsIn(table ? wanted : "en", overlay(table ?? english, this.#overlay(), (key) => this.#unknown(key)));
    this.#changed();
  }

  /** The tag's wish, then the page's, the browser's, the assistant's. */
  #wanted(assistants: string | undefined): string {
    const tag = this.#element.lang;
    if (tag && !knownLocale(tag)) {
      report(this.#element, "unknown-language", `there are no words for "${tag}". There are: ${LANGUAGES.join(", ")}.`);
    }
    return chooseLocale([tag, document.documentElement.lang, ...navigator.languages, assistants]);
  }

  async #table(wanted: string): Promise<Table | null> {
    const language = baseOf(wanted);
    if (this.#fetched?.language !== language) {
      this.#fetched = { language, table: tableFor(wanted, this.#server, this.#signal) };
    }
    return this.#fetched.table.catch(() => {
      this.#fetched = null;
      if (this.#signal.aborted) return null;
      report(this.#element, "language-not-loaded", `${this.#server}/widget/${language}.json did not load, so the chat speaks English. Allow ${new URL(this.#server).origin} in connect-src.`);
      return null;
    });
  }

  #overlay(): unknown {
    const text = this.#element.getAttribute("strings") ?? this.#element.dataset.strings;
    if (this.own || !text) return this.own;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      report(this.#element, "bad-strings", 'strings is no JSON. Write for example strings=\'{"placeholder":"Ask us"}\'.');
      return null;
    }
  }

  #unknown(key: string): void {
    report(this.#element, "unknown-string", `there is no string "${key}". ${this.#server}/widget/en.json lists them all.`);
  }
}
