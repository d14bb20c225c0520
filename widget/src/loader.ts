/**
 * The script a site owner pastes. Draws the launcher at once and loads the chat when it is wanted.
 *
 *   <script src="https://HOST/widget.js" data-assistant="KEY" async></script>
 *   data-position="left|right"  data-theme="auto|light|dark"  data-color="#rrggbb"  data-open
 *   lang="de"  data-strings='{"placeholder":"Ask us"}'  data-manual: the page calls parlance.init
 */

import { createApi } from "./api.ts";
import { warn } from "./report.ts";
import type { ParlanceOptions } from "../index.d.ts";

const TAGS = "script[data-assistant][src*='widget.js']";

function start(): void {
  // document.currentScript is empty when a tag manager or a bundler runs us as something else.
  const script =
    (document.currentScript as HTMLScriptElement | null) ??
    document.querySelector<HTMLScriptElement>(TAGS);
  const found = window.parlance;
  const ours = found && !Array.isArray(found) ? found : createApi(script?.src ?? "", found);
  // Without a key, init says what is missing; a page that calls it by itself says so.
  if (script && !("manual" in script.dataset)) ours.init(asTold(script));
}

function asTold({ src, lang, dataset }: HTMLScriptElement): ParlanceOptions {
  const assistant = dataset.assistant?.trim() ?? "";
  const base = new URL(dataset.server || ".", src).href;
  const told = { ...dataset, assistant, server: base, lang, open: "open" in dataset };
  if (isRepeated(assistant)) warn("duplicate-tag", `two tags for "${assistant}". Take one out.`);
  return told as unknown as ParlanceOptions;
}

/** Two tags, not one that a single-page site has run again. */
function isRepeated(assistant: string): boolean {
  const tags = document.querySelectorAll<HTMLScriptElement>(TAGS);
  return [...tags].filter((tag) => tag.dataset.assistant?.trim() === assistant).length > 1;
}

start();
