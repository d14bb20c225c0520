import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEvent, fromRecord, newTurn, type StreamEvent, type Turn } from "../../widget/src/state.ts";

const event = (id: string, kind: string, body: Record<string, unknown>): StreamEvent => ({ id, kind, body });
const play = (turn: Turn, ...events: StreamEvent[]) => events.reduce(applyEvent, turn);

test("tokens add up, and the reply of done replaces them", () => {
  const turn = play(
    newTurn("key", "Why?"),
    event("1", "turn", { turn: "trn_1" }),
    event("2", "token", { text: "Be" }),
    event("3", "token", { text: "cause" }),
  );
  assert.equal(turn.reply, "Because");
  assert.equal(turn.lastEvent, "3");
  const done = applyEvent(turn, event("4", "done", { label: "uncertain", reply: "Because.", citations: [], status: "complete" }));
  assert.deepEqual([done.reply, done.status, done.label], ["Because.", "complete", "uncertain"]);
});

test("a replay from the first event does not double the reply", () => {
  const first = [event("1", "turn", { turn: "trn_1" }), event("2", "token", { text: "Yes" })];
  assert.equal(play(newTurn("key", "?"), ...first, ...first).reply, "Yes");
});

test("an error keeps what was written and says what the server said", () => {
  const body = { error: { code: "unavailable", message: "No model.", hint: "Wait." } };
  const turn = play(newTurn("key", "?"), event("1", "token", { text: "Half" }), event("2", "error", body));
  assert.deepEqual([turn.status, turn.reply, turn.problem?.hint], ["failed", "Half", "Wait."]);
});

test("an answer that is still being written starts empty after a reload", () => {
  const record = { turn: "trn_1", question: "?", reply: "half", label: null, citations: null, status: "streaming", feedback: null } as const;
  assert.equal(fromRecord(record).reply, "");
});

test("the next steps of a refusal come with done and with the history; others have none", () => {
  const related = [{ title: "Hours", url: null }];
  const body = { label: "refused", reply: "No.", citations: [], status: "complete", related, contact: "tel:+4712345678" };
  const done = applyEvent(newTurn("key", "?"), event("1", "done", body));
  assert.deepEqual([done.related, done.contact], [related, "tel:+4712345678"]);
  const record = { turn: "trn_1", question: "?", reply: "No.", label: "refused", citations: null, status: "complete", feedback: null } as const;
  assert.deepEqual(fromRecord({ ...record, related, contact: "tel:1" }).related, related);
  assert.deepEqual([fromRecord(record).related, fromRecord(record).contact], [[], null]);
  const odd = applyEvent(newTurn("key", "?"), event("1", "done", { related: "x", contact: 7, courtesy: "no" }));
  assert.deepEqual([odd.related, odd.contact, odd.courtesy], [[], null, false]);
  assert.equal(fromRecord({ ...record, courtesy: true }).courtesy, true);
});
