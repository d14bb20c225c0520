/**
 * The script a site owner pastes. Draws the launcher at once and loads the chat when it is wanted.
 *
 *   <script src="https://HOST/widget.js" data-assistant="KEY" async></script>
 *   data-position="left|right"  data-theme="auto|light|dark"  data-color="#rrggbb"  data-open
 *   lang="de"  data-strings='{"placeholder":"Ask us"}'
 */

import { adopt, setVariables } from "./dom.ts";
import { openLabel } from "./launcher_label.ts";
import { drawLauncher } from "./launcher.ts";
import { memoryName } from "./memory_name.ts";
import { onTop, parseColor } from "./theme.ts";
import look from "./styles/launcher.css";
import type { ParlanceChat } from "./element.ts";
import type { Config } from "./state.ts";

type Call = "open" | "close" | "toggle" | "reset";
declare const CHAT_VERSION: string;
declare global {
  interface Window {
    Parlance?: Record<Call, () => Promise<void>>;
  }
}

const TAG = "parlance-chat";

function start(): void {
  // document.currentScript is empty when a tag manager or a bundler runs us as something else.
  const script =
    (document.currentScript as HTMLScriptElement | null) ??
    document.querySelector<HTMLScriptElement>("script[data-assistant][src*='widget.js']");
  const assistant = script?.dataset.assistant;
  if (!script || !assistant) return warn("no data-assistant on the script tag.");
  const shown = document.querySelector<HTMLElement>(TAG + ":not([mode=page])")?.dataset.assistant;
  if (shown === assistant) return;
  if (shown) return warn(`one chat per page: "${shown}", not "${assistant}".`);
  const { dataset, src } = script;
  const server = new URL(dataset.server || ".", src).href.replace(/\/+$/, "");
  const go = () => launch(server, assistant, { ...dataset, lang: script.lang });
  // A tag in the head runs before there is a body.
  document.body ? go() : addEventListener("DOMContentLoaded", go);
}

function warn(message: string): void {
  console.warn("Parlance: " + message);
}

function launch(server: string, assistant: string, options: DOMStringMap): void {
  const element = document.createElement(TAG) as ParlanceChat;
  // Once the element is defined, it listens to the launcher itself.
  const isOurs = () => !customElements.get(TAG);
  const page = encodeURIComponent(assistant);
  let loading: Promise<boolean> | null = null;

  const load = () =>
    (loading ??= import(`${server}/widget/chat.js?v=${CHAT_VERSION}`).then(
      () => true,
      () => {
        loading = null;
        warn(`the chat did not load. Is ${server} up and in script-src?`);
        return false;
      },
    ));

  const call = async (name: Call) => {
    if (await load()) element[name]();
    // The chat's own page works where this page does not let it in.
    else if (name === "open") open(`${server}/a/${page}`, "_blank", "noopener");
  };

  const settings = async (): Promise<Config> => {
    const response = await fetch(`${server}/api/v1/assistants/${page}/config`, { credentials: "omit" }).catch(() => null);
    if (response?.ok) return response.json();
    warn(
      response?.status === 404
        ? `${server} has no assistant "${assistant}".`
        : `${server} refused. Is it up, and is ${location.origin} an allowed origin?`,
    );
    return Promise.reject();
  };

  const draw = () => {
    const root = element.attachShadow({ mode: "open" });
    const sheet = adopt(root, look);
    const paint = (text = "") => {
      const color = parseColor(text);
      if (color) setVariables(sheet, { "--accent": `rgb(${color})`, "--on-accent": `rgb(${onTop(color)})` });
    };
    const button = drawLauncher(root, openLabel(options.lang));
    button.onclick = () => isOurs() && call("open");
    button.onpointerenter = button.onfocus = load;
    paint(options.color);
    element.settings = settings();
    element.settings.then(({ brand }) => {
      if (!isOurs()) return;
      paint(brand.color);
      if (!options.position) element.toggleAttribute("data-left", brand.position === "left");
    }, String);
  };

  /** Single-page sites swap the body or what is in it: put the chat back. */
  const keep = () => {
    const { body } = document;
    if (!body) return;
    if (!element.isConnected) body.append(element);
    observer.observe(body, { childList: true });
  };
  const observer = new MutationObserver(keep);
  observer.observe(document.documentElement, { childList: true });

  const { lang, ...rest } = options;
  Object.assign(element.dataset, rest, { server });
  if (lang) element.lang = lang;
  element.toggleAttribute("data-left", options.position === "left");
  if (isOurs()) draw();
  keep();
  const names: Call[] = ["open", "close", "toggle", "reset"];
  window.Parlance = Object.fromEntries(names.map((name) => [name, () => call(name)])) as typeof window.Parlance & {};

  let was = "";
  try {
    // What memory.ts has kept for this tab: whether the panel was open. Naming blocked storage throws.
    was = sessionStorage[memoryName(server, assistant)] ?? "";
  } catch {}
  // Opened by itself once a visit, never over a whole phone screen, never after it was closed.
  if ("open" in options && !was && innerWidth >= 480) void call("open");
  else if (was.includes("true")) void load();
  else (window.requestIdleCallback ?? setTimeout)(load);
}

start();
