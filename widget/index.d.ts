/** The types of window.parlance, the widget's interface for the page it stands on. */

export interface ParlanceOptions {
  /** The assistant's key. */
  assistant: string;
  /** Where Parlance runs; default: where widget.js came from. */
  server?: string;
  position?: "left" | "right";
  theme?: "auto" | "light" | "dark";
  /** The button's colour until the assistant's settings have arrived. */
  color?: string;
  /** Open by itself once a visit, except on phones. */
  open?: boolean;
  /** The language of the widget's own words ("de", "pt-BR"). */
  lang?: string;
  /** The owner's words in place of the widget's own; the keys are those of /widget/en.json. */
  strings?: object;
}

export interface ParlanceCitation {
  n: number;
  title: string;
  url: string | null;
  quote: string;
}

export interface ParlanceEvents {
  ready: { name: string };
  open: object;
  close: object;
  /** The visitor has asked. */
  message: { question: string };
  /** An answer is whole, or was stopped. */
  answer: {
    turn: string | null;
    question: string;
    reply: string;
    label: "supported" | "uncertain" | "refused" | "curated" | "handed_over" | null;
    citations: readonly ParlanceCitation[];
    status: "complete" | "stopped";
  };
  /** The visitor has opened a source. */
  citation: ParlanceCitation;
  feedback: { turn: string; value: "up" | "down" | null };
  /** An answer failed, or something is set up wrongly. */
  error: { code: string; message: string };
}

export type ParlanceEventName = keyof ParlanceEvents;

/** One assistant on the page. Every call waits for the chat to be loaded, in order. */
export interface ParlanceChat {
  readonly assistant: string;
  open(): Promise<void>;
  close(): Promise<void>;
  toggle(): Promise<void>;
  /** Ask a question; false if it was not taken (an answer is being written, or there is no connection). */
  send(question: string): Promise<boolean>;
  /** Forget the conversation and begin a new one. */
  reset(): Promise<void>;
  /** Say which page the next conversation is about; default: the page's address. */
  setContext(context: { page?: string }): Promise<void>;
  setLocale(lang: string): Promise<void>;
  setStrings(strings: object): Promise<void>;
  /** Take the chat off the page, with all of its listeners and timers. */
  destroy(): void;
  /** Call back on each event; the returned function ends that. */
  on<Name extends ParlanceEventName>(
    event: Name,
    listener: (detail: ParlanceEvents[Name] & { assistant: string }) => void,
  ): () => void;
}

/** The calls themselves go to the first assistant of the page. */
export interface Parlance extends Omit<ParlanceChat, "assistant"> {
  /** Put an assistant on the page; the one that is there already is returned. */
  init(options: ParlanceOptions): ParlanceChat | undefined;
  get(assistant: string): ParlanceChat | undefined;
  /** Call back at once. Before widget.js has come, an array in this place keeps the calls. */
  push(call: (parlance: Parlance) => void): void;
}

declare global {
  interface Window {
    parlance?: Parlance | ((parlance: Parlance) => void)[];
  }
}
