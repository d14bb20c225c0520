/** The life of one conversation: load, ask, follow, stop, rate, start over. Knows no DOM. */

import { ClientError, type Client } from "./client.ts";
import type { Memory } from "./memory.ts";
import { applyEvent, fromRecord, isFinal, newTurn } from "./state.ts";
import { FAILED, isConnection, isGone, newKey, PAUSES_MS, wait } from "./retrying.ts";
import type { Config, Conversation, State, Turn, Verdict } from "./state.ts";

// A question that was cut off by a page change is sent again only if it is this fresh.
const PENDING_MS = 120_000;
const STOP_PATIENCE_MS = 3000;

/** Who is told of each new state, and of what has happened in between. */
export interface Hearer {
  changed(state: State): void;
  tell(event: string, detail: object): void;
  /** The settings cannot be had; 0: no answer at all. */
  unsettled(status: number): void;
}

export class Session {
  #state: State = { phase: "loading", config: null, turns: [] };
  #following: AbortController | null = null;
  #starting: Promise<Conversation> | null = null;
  #restored: Promise<void> | null = null;
  readonly #client: Client;
  readonly #memory: Memory;
  readonly #hearer: Hearer;
  /** What the visitor is looking at, if the page has said so. */
  page: string | null = null;

  constructor(client: Client, memory: Memory, hearer: Hearer) {
    this.#client = client;
    this.#memory = memory;
    this.#hearer = hearer;
  }

  get state(): State {
    return this.#state;
  }

  get isStreaming(): boolean {
    return this.#state.turns.some((turn) => !isFinal(turn));
  }

  /** Load the settings (a request that is already under way is used) and then the history. */
  async load(underWay?: Promise<Config>): Promise<Config | null> {
    this.#set({ phase: "loading" });
    try {
      const config = await (underWay ?? this.#client.config()).catch(() => this.#client.config());
      this.#set({ config });
      await this.restore();
      this.#set({ phase: "ready" });
      return config;
    } catch (error) {
      const status = error instanceof ClientError ? error.status : 0;
      this.#hearer.unsettled(status);
      const refused = status >= 400 && status < 500;
      this.#set({ phase: refused ? "closed" : "unreachable" });
      return null;
    }
  }

  /** Bring back the stored conversation once; an answer still being written is followed again. */
  restore(): Promise<void> {
    this.#restored ??= this.#restore().catch((error: unknown) => {
      this.#restored = null;
      throw error;
    });
    return this.#restored;
  }

  /** Put a question; return false if there is none, or another one is being answered. */
  ask(question: string): boolean {
    const text = question.trim();
    if (!text || this.isStreaming) return false;
    this.#hearer.tell("message", { question: text });
    this.#follow(this.#append(newTurn(newKey(), text)));
    return true;
  }

  /** Try a turn again: the same request where the server may not have seen it, else a new one. */
  retry(key: string): void {
    const turn = this.#find(key);
    if (!turn || this.isStreaming) return;
    if (!turn.id || (turn.problem && isConnection(turn.problem))) {
      this.#follow(this.#replace(key, { ...turn, status: "streaming", problem: null }));
      return;
    }
    // The server has closed this turn: its key would only replay the same end.
    this.#set({ turns: this.#state.turns.filter((other) => other.key !== key) });
    this.ask(turn.question);
  }

  async stop(): Promise<void> {
    const turn = this.#state.turns.find((other) => !isFinal(other));
    const following = this.#following;
    if (!turn) return;
    const conversation = this.#memory.conversation;
    if (turn.id && conversation) {
      const cut = () => this.#cut(turn.key, following);
      if (following) void wait(STOP_PATIENCE_MS, following.signal).then(cut);
      await this.#client.stop(conversation, turn.id).catch(cut);
      return;
    }
    this.#cut(turn.key, following);
  }

  /** Save a verdict; return false (and put the old one back) if the server did not take it. */
  async rate(key: string, value: Verdict): Promise<boolean> {
    const turn = this.#find(key);
    const conversation = this.#memory.conversation;
    if (!turn?.id || !conversation) return false;
    this.#replace(key, { ...turn, feedback: value });
    try {
      await this.#client.rate(conversation, turn.id, value);
      this.#hearer.tell("feedback", { turn: turn.id, value });
      return true;
    } catch {
      this.#patch(key, { feedback: turn.feedback });
      return false;
    }
  }

  /** Forget the conversation and begin a new one with the next question. */
  reset(): void {
    const turn = this.#state.turns.find((other) => !isFinal(other));
    const conversation = this.#memory.conversation;
    if (turn?.id && conversation) this.#client.stop(conversation, turn.id).catch(() => undefined);
    this.#following?.abort();
    this.#following = null;
    this.#memory.conversation = null;
    this.#memory.pending = null;
    this.#set({ turns: [] });
  }

  /** The page is shown again from the browser's memory: another one may have gone on meanwhile. */
  async revive(): Promise<void> {
    if (this.#state.phase !== "ready") return;
    this.#memory.refresh();
    this.#following?.abort();
    this.#restored = null;
    if (!this.#memory.conversation) this.#set({ turns: [] });
    await this.restore().catch(() => this.#followOpen());
  }

  /** Read no more and wait for nothing: the chat is taken off the page. */
  end(): void {
    this.#following?.abort();
  }

  async #restore(): Promise<void> {
    const conversation = this.#memory.conversation;
    if (!conversation) return;
    try {
      const records = await this.#client.history(conversation);
      this.#set({ turns: records.map(fromRecord) });
    } catch (error) {
      if (!isGone(error)) throw error;
      this.#memory.conversation = null;
    }
    if (!this.#followOpen()) this.#resend();
  }

  #followOpen(): boolean {
    const open = this.#state.turns.find((turn) => !isFinal(turn));
    if (open) this.#follow(open);
    return open !== undefined;
  }

  #resend(): void {
    const pending = this.#memory.pending;
    if (!pending) return;
    this.#memory.pending = null;
    if (Date.now() - pending.at < PENDING_MS) {
      this.#follow(this.#append(newTurn(pending.key, pending.question)));
    }
  }

  #follow(turn: Turn): void {
    const following = new AbortController();
    this.#following?.abort();
    this.#following = following;
    void this.#run(turn.key, following.signal);
  }

  /** Read a turn to its end, through dropped connections. */
  async #run(key: string, signal: AbortSignal): Promise<void> {
    for (let tries = 0; ; tries++) {
      const before = this.#find(key)?.lastEvent;
      try {
        await this.#read(key, signal);
        if (signal.aborted) return;
        if (this.#isDone(key)) return this.#tellEnd(key);
        // A server that was restarted tells a finished answer anew, under other event ids.
        if (this.#find(key)?.lastEvent === before) this.#patch(key, { lastEvent: null });
        throw new ClientError({ code: "lost", message: "", hint: "" }, 0);
      } catch (error) {
        if (signal.aborted) return;
        const reached = this.#find(key)?.lastEvent;
        if (reached && reached !== before) tries = 0;
        const pause = this.#pauseBefore(key, error, tries);
        if (pause === null) return this.#fail(key, error);
        await wait(pause, signal);
      }
    }
  }

  async #read(key: string, signal: AbortSignal): Promise<void> {
    const turn = this.#find(key);
    if (!turn) return;
    const conversation = await this.#conversation();
    if (!turn.id) this.#memory.pending = { key, question: turn.question, at: Date.now() };
    const events = turn.id
      ? this.#client.resume(conversation, turn.id, turn.lastEvent, signal)
      : this.#client.ask(conversation, turn.question, key, signal);
    for await (const event of events) {
      const current = this.#find(key);
      if (signal.aborted || !current) return;
      if (event.kind === "turn") this.#acknowledge(key, String(event.body.turn));
      if (isFinal(this.#replace(key, applyEvent(current, event)))) return;
    }
  }

  /** The server has the question: it no longer needs to be kept, nor shown twice after a reload. */
  #acknowledge(key: string, id: string): void {
    this.#memory.pending = null;
    const turns = this.#state.turns.filter((turn) => turn.key === key || turn.id !== id);
    if (turns.length < this.#state.turns.length) this.#set({ turns });
  }

  /** How long to wait before the next try, or null to give up. */
  #pauseBefore(key: string, error: unknown, tries: number): number | null {
    const turn = this.#find(key);
    const status = error instanceof ClientError ? error.status : 0;
    if (!turn?.id && isGone(error) && tries === 0) {
      this.#memory.conversation = null;
      return 0;
    }
    const passing = status === 0 || (turn?.id && status >= 502 && status <= 504);
    const pauses = turn?.id ? PAUSES_MS : PAUSES_MS.slice(0, 2);
    if (!turn || !passing || navigator.onLine === false) return null;
    if (turn.id && tries < pauses.length) this.#patch(key, { reconnecting: true });
    return pauses[tries] ?? null;
  }

  #fail(key: string, error: unknown): void {
    const problem = error instanceof ClientError ? error.problem : FAILED;
    const lost = problem.code === "unreachable" && this.#find(key)?.id;
    if (!isConnection(problem)) this.#memory.pending = null;
    this.#patch(key, {
      status: "failed",
      reconnecting: false,
      problem: lost ? { ...problem, code: "lost" } : problem,
    });
    this.#tellEnd(key);
  }

  #tellEnd(key: string): void {
    const turn = this.#find(key);
    if (!turn) return;
    const { id, question, reply, label, status, problem } = turn;
    const citations = turn.citations.map(({ n, title, url, quote }) => ({ n, title, url, quote }));
    if (problem) this.#hearer.tell("error", { code: problem.code, message: problem.message });
    else this.#hearer.tell("answer", { turn: id, question, reply, label, citations, status });
  }

  #cut(key: string, following: AbortController | null): void {
    if (this.#isDone(key)) return;
    following?.abort();
    this.#memory.pending = null;
    this.#patch(key, { status: "stopped", reconnecting: false });
    this.#tellEnd(key);
  }

  async #conversation(): Promise<Conversation> {
    const stored = this.#memory.conversation;
    if (stored) return stored;
    // Address without query and fragment: those may carry what is none of our business.
    this.#starting ??= this.#client.start(this.page ?? location.origin + location.pathname);
    try {
      return (this.#memory.conversation = await this.#starting);
    } finally {
      this.#starting = null;
    }
  }

  #find(key: string): Turn | undefined {
    return this.#state.turns.find((turn) => turn.key === key);
  }

  #isDone(key: string): boolean {
    const turn = this.#find(key);
    return !turn || isFinal(turn);
  }

  #append(turn: Turn): Turn {
    this.#set({ turns: [...this.#state.turns, turn] });
    return turn;
  }

  #replace(key: string, turn: Turn): Turn {
    this.#set({ turns: this.#state.turns.map((other) => (other.key === key ? turn : other)) });
    return turn;
  }

  #patch(key: string, part: Partial<Turn>): void {
    const turn = this.#find(key);
    if (turn) this.#replace(key, { ...turn, ...part });
  }

  #set(part: Partial<State>): void {
    this.#state = { ...this.#state, ...part };
    this.#hearer.changed(this.#state);
  }
}
