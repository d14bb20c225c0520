/** What survives a reload: localStorage per server and assistant, or nothing where it is blocked. */

import { memoryName } from "./memory_name.ts";
import type { Conversation } from "./state.ts";

/** A question that was sent but not yet acknowledged by the server. */
export interface Pending {
  key: string;
  question: string;
  at: number;
}

interface Record {
  conversation?: Conversation;
  pending?: Pending;
}

export class Memory {
  readonly #name: string;
  #record: Record;

  constructor(server: string, assistant: string) {
    this.#name = memoryName(server, assistant);
    this.#record = read(() => localStorage, this.#name) ?? {};
  }

  /** Read again what other pages of this site have written. */
  refresh(): void {
    this.#record = read(() => localStorage, this.#name) ?? this.#record;
  }

  get conversation(): Conversation | null {
    const found = this.#record.conversation;
    return found?.conversation && found.token ? found : null;
  }

  set conversation(conversation: Conversation | null) {
    this.#keep({ conversation: conversation ?? undefined });
  }

  get pending(): Pending | null {
    return this.#record.pending ?? null;
  }

  set pending(pending: Pending | null) {
    this.#keep({ pending: pending ?? undefined });
  }

  /** Whether the panel is open; per tab, so that it stays open from page to page. */
  get open(): boolean {
    return read<{ open: boolean }>(() => sessionStorage, this.#name)?.open === true;
  }

  set open(open: boolean) {
    write(() => sessionStorage, this.#name, { open });
  }

  #keep(part: { [K in keyof Record]: Record[K] | undefined }): void {
    const next: { [K in keyof Record]: Record[K] | undefined } = { ...this.#record, ...part };
    this.#record = next as Record;
    write(() => localStorage, this.#name, next);
  }
}

// Storage is taken through a function because merely naming it throws where it is blocked.
function read<T>(storage: () => Storage, name: string): T | null {
  try {
    return JSON.parse(storage().getItem(name) ?? "null") as T | null;
  } catch {
    return null;
  }
}

function write(storage: () => Storage, name: string, value: unknown): void {
  try {
    storage().setItem(name, JSON.stringify(value));
  } catch {
    // Private windows and full disks: the conversation lives until the page goes.
  }
}
