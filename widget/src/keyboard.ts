/** Where Tab leads while the panel covers the page. */

const STOPS = "button, a[href], textarea, summary, [tabindex='0']";

/** Full screen hides the page, so Tab must not wander off behind it. */
export function keepInside(root: ShadowRoot, panel: HTMLElement | undefined, event: KeyboardEvent): void {
  const all = panel?.querySelectorAll<HTMLElement>(STOPS);
  const usable = [...(all ?? [])].filter((node) => !node.hasAttribute("disabled") && node.offsetParent);
  const edge = event.shiftKey ? usable[0] : usable.at(-1);
  const target = event.shiftKey ? usable.at(-1) : usable[0];
  const outside = root.activeElement === panel;
  if (!target || (root.activeElement !== edge && !(outside && event.shiftKey))) return;
  event.preventDefault();
  target.focus();
}
