/** Misconfiguration: one console message for each named code, and an error event with it. */

export interface Reporting extends HTMLElement {
  /** The codes already told; the loader and the chat share it. */
  reported?: Set<string>;
}

export function report(element: Reporting, code: string, message: string): void {
  const told = (element.reported ??= new Set());
  if (told.has(code)) return;
  told.add(code);
  warn(code, message);
  tell(element, "error", { code, message });
}

export function warn(code: string, message: string): void {
  console.warn(`Parlance [${code}]: ${message}`);
}

/** Dispatch one of the events in index.d.ts. */
export function tell(element: HTMLElement, name: string, detail: object = {}): void {
  const assistant = element.dataset.assistant;
  element.dispatchEvent(new CustomEvent(`parlance-${name}`, { detail: { assistant, ...detail } }));
}
