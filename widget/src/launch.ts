/** One assistant on a page: its button at once, the chat when it is wanted, and its calls. */

import { adopt, setVariables } from "./dom.ts";
import { drawLauncher } from "./launcher.ts";
import { memoryName } from "./memory_name.ts";
import { report, warn } from "./report.ts";
import { onTop, parseColor } from "./theme.ts";
import look from "./styles/launcher.css";
import type { ParlanceChat as Chat, ParlanceEvents, ParlanceOptions } from "../index.d.ts";
import type { ParlanceChat as Element } from "./element.ts";

declare const CHAT_VERSION: string;
export type Options = ParlanceOptions & { server: string };

const TAG = "parlance-chat";
const VERBS = ["open", "close", "toggle", "send", "reset", "setContext", "setLocale", "setStrings"] as const;
const EVENTS = ["ready", "open", "close", "message", "answer", "citation", "feedback", "error"];
export const CALLS = [...VERBS, "destroy", "on"] as const;

/** Put an assistant on the page; `ended` is called when it is taken off. */
export function launch(options: Options, ended: () => void): Chat {
  const { assistant, server } = options;
  const element = makeElement(options);
  const life = new AbortController();
  const { signal } = life;
  const load = loading(element, server);

  const call = (verb: (typeof VERBS)[number]) => async (...told: unknown[]) => {
    const loaded = !signal.aborted && (await load());
    if (signal.aborted) return;
    if (loaded) return (element[verb] as (...told: unknown[]) => unknown)(...told);
    // The chat's own page works where this page does not let it in.
    if (verb === "open") open(`${server}/a/${encodeURIComponent(assistant)}`, "_blank", "noopener");
    return false;
  };
  const show = call("open");

  if (!customElements.get(TAG)) draw(element, options, { load, show });
  keepOnPage(element, signal);
  loadInTime(options, signal, { load, show });
  return {
    assistant,
    ...Object.fromEntries(VERBS.map((verb) => [verb, call(verb)])),
    on: listening(element, signal),
    destroy() {
      life.abort();
      element.destroy?.();
      element.remove();
      ended();
    },
  } as Chat;
}

function makeElement({ assistant, server, position, theme, color, lang, strings }: Options): Element {
  const element = document.createElement(TAG) as Element;
  const told = { assistant, server, position, theme, color, strings };
  for (const [name, value] of Object.entries(told)) {
    if (value) element.dataset[name] = typeof value === "string" ? value : JSON.stringify(value);
  }
  if (lang) element.lang = lang;
  element.launched = true;
  element.toggleAttribute("data-left", position === "left");
  return element;
}

/** Return what loads the chat: once, or again after a failure, which it explains. */
function loading(element: Element, server: string): () => Promise<boolean> {
  let underWay: Promise<boolean> | null = null;
  let blocked = false;
  const note = ({ blockedURI }: SecurityPolicyViolationEvent) => (blocked ||= blockedURI.startsWith(server));
  const explain = async () => {
    underWay = null;
    // The browser tells of its policy a moment after the failure.
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (blocked) report(element, "csp-script", `blocked by this page's policy. Add ${new URL(server).origin} to script-src.`);
    else report(element, "chat-not-loaded", `${server}/widget/chat.js did not load. Is it up?`);
    return false;
  };
  const load = async () => {
    document.addEventListener("securitypolicyviolation", note);
    const loaded = await import(`${server}/widget/chat.js?v=${CHAT_VERSION}`).then(() => true, explain);
    document.removeEventListener("securitypolicyviolation", note);
    return loaded;
  };
  return () => (underWay ??= load());
}

function listening(element: Element, signal: AbortSignal): Chat["on"] {
  let ready: Event | undefined;
  element.addEventListener("parlance-ready", (event) => (ready = event), { signal });
  return (name, listener) => {
    if (!EVENTS.includes(name)) warn("unknown-event", `no event "${name}". Take one of: ${EVENTS}.`);
    const type = `parlance-${name}`;
    const hear = (event: Event) => listener((event as CustomEvent<ParlanceEvents[typeof name] & { assistant: string }>).detail);
    element.addEventListener(type, hear, { signal });
    // Who asks late is told as well.
    if (ready?.type === type) hear(ready);
    return () => element.removeEventListener(type, hear);
  };
}

/** The button, until the chat takes it over, in the colour and corner of the settings. */
function draw(element: Element, options: Options, { load, show }: { load: () => void; show: () => void }): void {
  const root = element.attachShadow({ mode: "open" });
  const sheet = adopt(root, look);
  // Once the element is defined, it listens to the launcher itself.
  const isOurs = () => !customElements.get(TAG);
  const paint = (text = "") => {
    const color = parseColor(text);
    if (color) setVariables(sheet, { "--accent": `rgb(${color})`, "--on-accent": `rgb(${onTop(color)})` });
  };
  // The word that visitors of most languages know, until the chat is here with theirs.
  const button = drawLauncher(root, "Chat");
  button.onclick = () => isOurs() && show();
  button.onpointerenter = button.onfocus = load;
  paint(options.color);
  const url = `${options.server}/api/v1/assistants/${encodeURIComponent(options.assistant)}/config`;
  element.settings = fetch(url, { credentials: "omit" }).then((response) => (response.ok ? response.json() : Promise.reject()));
  // The chat asks again and says what is wrong.
  element.settings.then(({ brand }) => {
    if (!isOurs()) return;
    paint(brand.color);
    if (!options.position) element.toggleAttribute("data-left", brand.position === "left");
  }, String);
}

/** Single-page sites swap the body or what is in it: put the chat back. */
function keepOnPage(element: Element, signal: AbortSignal): void {
  const keep = () => {
    const { body } = document;
    if (!body) return;
    if (!element.isConnected) body.append(element);
    observer.observe(body, { childList: true });
  };
  const observer = new MutationObserver(keep);
  observer.observe(document.documentElement, { childList: true });
  signal.addEventListener("abort", () => observer.disconnect());
  keep();
}

function loadInTime(
  { server, assistant, open }: Options,
  signal: AbortSignal,
  { load, show }: { load: () => void; show: () => void },
): void {
  let was = "";
  try {
    // What memory.ts has kept for this tab: whether the panel was open. Naming blocked storage throws.
    was = sessionStorage[memoryName(server, assistant)] ?? "";
  } catch {}
  // Opened by itself once a visit, never over a whole phone screen, never after it was closed.
  if (open && !was && innerWidth >= 480) return show();
  if (was.includes("true")) return load();
  (window.requestIdleCallback ?? setTimeout)(() => signal.aborted || load());
}
