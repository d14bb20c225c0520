/** The round button: drawn by the loader at once, taken over by the element later. */

import { icon } from "./dom.ts";
import { CHAT } from "./icons.ts";

/** Return the shadow root's launcher, making it if there is none. */
export function drawLauncher(root: ShadowRoot, label: string): HTMLButtonElement {
  const found = root.querySelector<HTMLButtonElement>(".launcher");
  if (found) return found;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "launcher";
  button.setAttribute("aria-label", label);
  button.append(icon(CHAT, "icon chat"));
  root.append(button);
  return button;
}

/** Two assistants in one corner stand beside each other. */
export function standBeside(element: HTMLElement): void {
  const isLeft = element.hasAttribute("data-left");
  const others = document.querySelectorAll(`${element.localName}:not([mode=page], [data-beside])`);
  const inTheWay = [...others].some((other) => other !== element && other.hasAttribute("data-left") === isLeft);
  element.toggleAttribute("data-beside", inTheWay);
}
