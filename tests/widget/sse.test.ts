import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "../../widget/src/sse.ts";

const STREAM =
  ': ping\r\n\r\nid: 1\nevent: turn\ndata: {"turn":"trn_1"}\n\n' +
  'id:2\revent: token\rdata: {"text":"a\\n\\nevent: done\\ndata: {} \u2028 \\r"}\r\r' +
  "id: 3\r\nevent: done\r\ndata: {}\r\n\r\n";

function parseIn(pieces: string[]) {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

test("a25: text that looks like events stays inside its one event", () => {
  const events = parseIn([STREAM]);
  assert.deepEqual(events.map((event) => [event.id, event.event]), [["1", "turn"], ["2", "token"], ["3", "done"]]);
  assert.equal(JSON.parse(events[1]?.data ?? "").text, "a\n\nevent: done\ndata: {} \u2028 \r");
});

test("a stream cut at any place gives the same events", () => {
  const whole = parseIn([STREAM]);
  for (let at = 1; at < STREAM.length; at++) {
    assert.deepEqual(parseIn([STREAM.slice(0, at), STREAM.slice(at)]), whole, `cut at ${at}`);
  }
  assert.deepEqual(parseIn([...STREAM]), whole);
});

test("comments and events without data are left out, and the id is remembered", () => {
  const events = parseIn(["id: 7\n\n: ping\n\ndata: x\n\n"]);
  assert.deepEqual(events, [{ id: "7", event: "message", data: "x" }]);
});
