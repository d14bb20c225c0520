/** Citation marks: written into the reply as private-use characters before it is parsed. */

import type { Citation } from "./state.ts";

const FIRST = 0xe000;
const LAST = 0xe3ff;
export const MARK = /[\ue000-\ue3ff]/g;

export function isMark(char: string): boolean {
  const code = char.charCodeAt(0);
  return code >= FIRST && code <= LAST;
}

export function markNumber(char: string): number {
  return char.charCodeAt(0) - FIRST;
}

/** Replace characters that would pass for marks; the offsets stay what they were. */
export function withoutMarks(text: string): string {
  return text.replace(MARK, "\ufffd");
}

/** Return the reply with one mark character for each citation mark (offsets are code points). */
export function withMarks(reply: string, citations: readonly Citation[]): string {
  const points = Array.from(withoutMarks(reply));
  const inserts = new Map<number, number[]>();
  for (const { n, marks } of citations) {
    if (n < 1 || n > LAST - FIRST) continue;
    for (const mark of marks) {
      const at = afterText(points, mark);
      const here = inserts.get(at) ?? [];
      if (at > 0 && !here.includes(n)) inserts.set(at, [...here, n]);
    }
  }
  const from = [...inserts.keys()].sort((a, b) => b - a);
  for (const at of from) {
    const numbers = (inserts.get(at) ?? []).sort((a, b) => a - b);
    points.splice(at, 0, ...numbers.map((n) => String.fromCharCode(FIRST + n)));
  }
  return points.join("");
}

// A list bullet, a quote sign, a heading sign: with a mark behind it, it would stop being one.
const PREFIX = /^(?:[-*+\u2022>]|\d{1,9}[.)]|#{1,6}|\s)+$/;

/** A mark after white space or a line's prefix moves back to the text, or it would break its block. */
function afterText(points: readonly string[], mark: number): number {
  let at = Math.max(0, Math.min(Math.trunc(mark), points.length));
  for (;;) {
    while (at > 0 && /\s/.test(points[at - 1] ?? "")) at--;
    const line = points.lastIndexOf("\n", at - 1) + 1;
    if (at === 0 || !PREFIX.test(points.slice(line, at).join(""))) return at;
    at = line;
  }
}
