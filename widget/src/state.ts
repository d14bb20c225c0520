/** What a conversation is, and how one event changes a turn. Pure. */

export type Label = "supported" | "uncertain" | "refused" | "curated" | "handed_over";
export type Status = "streaming" | "complete" | "stopped" | "failed" | "interrupted";
export type Verdict = "up" | "down" | null;

export interface Citation {
  n: number;
  title: string;
  url: string | null;
  quote: string;
  source: string;
  marks: number[];
  /** Only where the page is no longer as it was when the answer was made. */
  state?: "changed" | "gone";
}

export interface Source {
  title: string;
  url: string | null;
}

/** A section that may help; `ask`: its title is a question that can be put as it stands. */
export interface Near extends Source {
  ask?: boolean;
}

/** Why something failed and what to do next, in words for the visitor. */
export interface Problem {
  code: string;
  message: string;
  hint: string;
}

export interface Turn {
  /** The Idempotency-Key; also the turn's identity on the page. */
  readonly key: string;
  readonly id: string | null;
  readonly question: string;
  readonly reply: string;
  readonly label: Label | null;
  readonly citations: readonly Citation[];
  readonly sources: readonly Source[];
  /** Next steps: sections near the question, and the address of a person. */
  readonly related: readonly Near[];
  readonly contact: string | null;
  /** A mere greeting: nothing that a label would say anything about. */
  readonly courtesy: boolean;
  readonly status: Status;
  readonly feedback: Verdict;
  readonly problem: Problem | null;
  readonly lastEvent: string | null;
  readonly reconnecting: boolean;
}

export interface Config {
  key: string;
  name: string;
  greeting: string;
  placeholder: string;
  suggested_prompts: string[];
  language: string;
  brand: { color: string; logo_url: string | null; position: string; theme: string };
  privacy_url: string | null;
}

export interface Conversation {
  conversation: string;
  token: string;
}

export interface TurnRecord {
  turn: string;
  question: string;
  reply: string | null;
  label: Label | null;
  citations: Citation[] | null;
  status: Status;
  feedback: Verdict;
  related?: Near[];
  contact?: string;
  courtesy?: boolean;
}

/** One parsed event of the stream. */
export interface StreamEvent {
  id: string | null;
  kind: string;
  body: Record<string, unknown>;
}

/** loading: asking the server; closed: it said no; unreachable: it did not answer. */
export type Phase = "loading" | "ready" | "unreachable" | "closed";

export interface State {
  readonly phase: Phase;
  readonly config: Config | null;
  readonly turns: readonly Turn[];
}

export function newTurn(key: string, question: string): Turn {
  return {
    key,
    id: null,
    question,
    reply: "",
    label: null,
    citations: [],
    sources: [],
    related: [],
    contact: null,
    courtesy: false,
    status: "streaming",
    feedback: null,
    problem: null,
    lastEvent: null,
    reconnecting: false,
  };
}

export function fromRecord(record: TurnRecord): Turn {
  const turn = newTurn(record.turn, record.question);
  return {
    ...turn,
    id: record.turn,
    // An answer still being written is replayed from its first event.
    reply: record.status === "streaming" ? "" : (record.reply ?? ""),
    label: record.label,
    citations: record.citations ?? [],
    ...beside(record),
    status: record.status,
    feedback: record.feedback,
  };
}

export function isFinal(turn: Turn): boolean {
  return turn.status !== "streaming";
}

/** Return the turn after one event; unknown events change nothing but the position. */
export function applyEvent(turn: Turn, event: StreamEvent): Turn {
  const next = { ...turn, reconnecting: false, lastEvent: event.id ?? turn.lastEvent };
  const { body } = event;
  switch (event.kind) {
    case "turn":
      return { ...next, id: String(body.turn), reply: "" };
    case "sources":
      return { ...next, sources: listOf<Source>(body.sources) };
    case "token":
      return { ...next, reply: turn.reply + String(body.text ?? "") };
    case "done":
      return finished(next, body);
    case "error":
      return { ...next, status: "failed", problem: problemOf(body.error) };
    default:
      return next;
  }
}

function finished(turn: Turn, body: Record<string, unknown>): Turn {
  return {
    ...turn,
    id: typeof body.turn === "string" ? body.turn : turn.id,
    reply: typeof body.reply === "string" ? body.reply : turn.reply,
    label: (body.label as Label | undefined) ?? null,
    citations: listOf<Citation>(body.citations),
    ...beside(body),
    status: body.status === "stopped" ? "stopped" : "complete",
    problem: null,
  };
}

/** What comes beside a reply, in the done event and in the history alike. */
function beside(told: Partial<Record<"related" | "contact" | "courtesy", unknown>>): Pick<Turn, "related" | "contact" | "courtesy"> {
  const { related, contact, courtesy } = told;
  const person = typeof contact === "string" ? contact : null;
  return { related: listOf<Near>(related), contact: person, courtesy: courtesy === true };
}

/** Read the server's error shape; missing parts are empty and filled in by the view. */
export function problemOf(error: unknown): Problem {
  const { code, message, hint } = (error ?? {}) as Partial<Problem>;
  return { code: code ?? "failed", message: message ?? "", hint: hint ?? "" };
}

function listOf<T>(value: unknown): T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}
