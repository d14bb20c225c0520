import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Parlance, ParlanceEventName, ParlanceOptions } from "../../widget/index.d.ts";

/** Compiled, never run: what a page may write. */
export async function page(parlance: Parlance): Promise<void> {
  const options: ParlanceOptions = { assistant: "KEY", position: "left", strings: { send: "Go" } };
  const chat = parlance.init(options);
  const taken: boolean = await parlance.send("Can I return this?");
  const off = parlance.on("answer", ({ reply, citations, assistant }) => [reply, citations[0]?.url, assistant, taken]);
  off();
  chat?.destroy();
  (window.parlance ||= []).push((early) => early.open());
  // @ts-expect-error There is no such event.
  parlance.on("answr", () => undefined);
  // @ts-expect-error Visitors are anonymous.
  parlance.identify("me");
}

test("the types name the events that the loader knows", () => {
  const events: Record<ParlanceEventName, true> = {
    ready: true, open: true, close: true, message: true, answer: true, citation: true, feedback: true, error: true,
  };
  const source = readFileSync(new URL("../../widget/src/launch.ts", import.meta.url), "utf8");
  assert.ok(source.includes(`const EVENTS = [${Object.keys(events).map((name) => `"${name}"`).join(", ")}]`));
});
