/** window.parlance: the chats of a page by their assistants' keys, and the calls that came early. */

import { CALLS, launch } from "./launch.ts";
import { warn } from "./report.ts";
import type { Parlance, ParlanceChat, ParlanceOptions } from "../index.d.ts";

type Early = ((parlance: Parlance) => void)[];
type Call = (typeof CALLS)[number];

/** Put the interface in place; calls that waited in an array are made as soon as the tag is read. */
export function createApi(script: string, early: Early = []): Parlance {
  const chats = new Map<string, ParlanceChat>();
  const first = () => [...chats.values()][0] ?? missing();
  const api = {
    init: (options: ParlanceOptions) => init(chats, script, options),
    get: (assistant: string) => chats.get(assistant) ?? missing(assistant),
    push: (call: (parlance: Parlance) => void) => call(api),
    ...Object.fromEntries(CALLS.map((name) => [name, (...told: unknown[]) => callFirst(first(), name, told)])),
  } as unknown as Parlance;
  window.parlance = api;
  // The tag's own assistant comes first.
  void Promise.resolve().then(() => early.forEach((call) => call(api)));
  return api;
}

function callFirst(chat: ParlanceChat | undefined, name: Call, told: unknown[]): unknown {
  if (chat) return (chat[name] as (...told: unknown[]) => unknown)(...told);
  return name === "on" ? () => undefined : Promise.resolve();
}

function init(chats: Map<string, ParlanceChat>, script: string, options: ParlanceOptions): ParlanceChat | undefined {
  const { assistant } = options;
  const found = chats.get(assistant);
  if (found) return found;
  const home = options.server ?? (script && new URL(".", script).href);
  if (!assistant || !home) {
    return void warn("no-assistant", 'put the key in data-assistant, or data-manual on the tag and call parlance.init({ assistant, server }).');
  }
  const server = home.replace(/\/+$/, "");
  const chat = launch({ ...options, server }, () => chats.delete(assistant));
  chats.set(assistant, chat);
  return chat;
}

function missing(assistant?: string): undefined {
  warn("no-chat", `no chat ${assistant ?? ""} on this page. Call parlance.init first.`);
}
