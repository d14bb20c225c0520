/** What may be tried again, how soon, and under which key. */

import { ClientError } from "./client.ts";
import type { Problem } from "./state.ts";

/** The pauses before the tries after a drop. */
export const PAUSES_MS = [400, 1000, 2000, 4000, 8000];
export const FAILED: Problem = { code: "failed", message: "", hint: "" };

/** A random UUID, also on pages without https, where crypto.randomUUID does not exist. */
export function newKey(): string {
  const bytes = Array.from(crypto.getRandomValues(new Uint8Array(16)));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

/** The request may or may not have arrived: repeating it with the same key is right. */
export function isConnection(problem: Problem): boolean {
  return ["offline", "unreachable", "lost"].includes(problem.code);
}

export function isGone(error: unknown): boolean {
  return error instanceof ClientError && [401, 403, 404, 410].includes(error.status);
}

export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
