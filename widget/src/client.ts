/** The HTTP surface, as functions. Every failure is a ClientError. */

import { readEvents, type ServerEvent } from "./sse.ts";
import { problemOf } from "./state.ts";
import type { Config, Conversation, Problem, StreamEvent, TurnRecord, Verdict } from "./state.ts";

// The server pings an idle stream; silence this long means that the connection is dead.
const SILENCE_MS = 60_000;

export class ClientError extends Error {
  readonly problem: Problem;
  /** 0: the request never got an answer. */
  readonly status: number;

  constructor(problem: Problem, status: number) {
    super(problem.message || problem.code);
    this.problem = problem;
    this.status = status;
  }
}

export class Client {
  readonly server: string;
  readonly assistant: string;
  readonly #base: string;

  constructor(server: string, assistant: string) {
    this.server = server;
    this.assistant = assistant;
    this.#base = `${server}/api/v1/assistants/${encodeURIComponent(assistant)}`;
  }

  config(): Promise<Config> {
    return this.#json("GET", "/config");
  }

  start(pageUrl: string): Promise<Conversation> {
    return this.#json("POST", "/conversations", null, { page_url: pageUrl });
  }

  async history(conversation: Conversation): Promise<TurnRecord[]> {
    const path = `/conversations/${encodeURIComponent(conversation.conversation)}`;
    const { turns } = await this.#json<{ turns: TurnRecord[] }>("GET", path, conversation);
    return turns;
  }

  async *ask(
    conversation: Conversation,
    question: string,
    key: string,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent> {
    const path = `/conversations/${encodeURIComponent(conversation.conversation)}/turns`;
    const headers = { "Idempotency-Key": key };
    yield* this.#stream("POST", path, conversation, headers, signal, { question });
  }

  /** Follow a turn again from after an event, or from its beginning. */
  async *resume(
    conversation: Conversation,
    turn: string,
    lastEvent: string | null,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent> {
    const path = `/turns/${encodeURIComponent(turn)}/events`;
    const headers: Record<string, string> = lastEvent === null ? {} : { "Last-Event-ID": lastEvent };
    yield* this.#stream("GET", path, conversation, headers, signal);
  }

  async stop(conversation: Conversation, turn: string): Promise<void> {
    await this.#json("POST", `/turns/${encodeURIComponent(turn)}/stop`, conversation, {});
  }

  async rate(conversation: Conversation, turn: string, value: Verdict): Promise<void> {
    await this.#json("POST", `/turns/${encodeURIComponent(turn)}/feedback`, conversation, { value });
  }

  async #json<T>(
    method: string,
    path: string,
    conversation: Conversation | null = null,
    body?: unknown,
  ): Promise<T> {
    const response = await this.#send(method, path, conversation, {}, body);
    try {
      return (await response.json()) as T;
    } catch {
      throw new ClientError(problemOf({ code: "failed" }), response.status);
    }
  }

  async *#stream(
    method: string,
    path: string,
    conversation: Conversation,
    headers: Record<string, string>,
    signal: AbortSignal,
    body?: unknown,
  ): AsyncGenerator<StreamEvent> {
    const watch = new Watchdog(signal);
    try {
      const response = await this.#send(method, path, conversation, headers, body, watch.signal);
      if (!response.body) throw unreachable();
      for await (const event of readEvents(response.body, () => watch.alive())) {
        const parsed = parse(event);
        if (parsed) yield parsed;
      }
    } catch (error) {
      throw error instanceof ClientError ? error : unreachable();
    } finally {
      watch.end();
    }
  }

  async #send(
    method: string,
    path: string,
    conversation: Conversation | null,
    headers: Record<string, string>,
    body?: unknown,
    signal: AbortSignal | null = null,
  ): Promise<Response> {
    const all: Record<string, string> = { ...headers };
    if (conversation) all.Authorization = `Bearer ${conversation.token}`;
    if (body !== undefined) all["Content-Type"] = "application/json";
    const response = await fetch(this.#base + path, {
      method,
      headers: all,
      body: body === undefined ? null : JSON.stringify(body),
      signal,
      credentials: "omit",
      cache: "no-store",
    }).catch(() => {
      throw unreachable();
    });
    if (response.ok) return response;
    const shape = (await response.json().catch(() => null)) as { error?: unknown } | null;
    throw new ClientError(problemOf(shape?.error), response.status);
  }
}

function unreachable(): ClientError {
  const code = navigator.onLine === false ? "offline" : "unreachable";
  return new ClientError({ code, message: "", hint: "" }, 0);
}

function parse({ id, event, data }: ServerEvent): StreamEvent | null {
  try {
    return { id, kind: event, body: JSON.parse(data) as Record<string, unknown> };
  } catch {
    return null;
  }
}

/** Aborts a stream that its reader ends or that has gone silent. */
class Watchdog {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #end = () => this.#controller.abort();
  #timer = 0;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    if (outer.aborted) this.#end();
    outer.addEventListener("abort", this.#end);
    this.alive();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  alive(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#end, SILENCE_MS) as unknown as number;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#end);
    this.#end();
  }
}
