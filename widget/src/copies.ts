/** Turbo shows copies of pages: a copy of the chat is not the chat. */

import type { ParlanceChat } from "./element.ts";

/** Take away what looks like this chat but was not made by its loader. */
export function dropCopies(chat: ParlanceChat): void {
  const { assistant, server } = chat.dataset;
  for (const other of document.querySelectorAll<ParlanceChat>(`${chat.localName}[data-server]`)) {
    const same = other.dataset.assistant === assistant && other.dataset.server === server;
    if (same && !other.launched) other.destroy();
  }
}
