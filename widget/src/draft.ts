/** A reply that is still being written: what is half-open is shown as if it were closed. */

/** Return the text so far, fit to be parsed, without flickering syntax at its end. */
export function asDraft(text: string): string {
  if (openFence(text)) return text;
  const start = text.lastIndexOf("\n\n") + 1;
  return text.slice(0, start) + closed(hideHalfLink(text.slice(start)));
}

function openFence(text: string): boolean {
  return (text.match(/^ {0,3}(?:```|~~~)/gm)?.length ?? 0) % 2 === 1;
}

/** `[label](https://exam` shows as `label` until the address is complete. */
function hideHalfLink(text: string): string {
  return text.replace(/!?\[([^[\]\n]{0,200})(?:\](?:\([^()\s]*)?)?$/, "$1");
}

function closed(text: string): string {
  const bare = text.replace(/(?:\*+|`+|~+)$/, "");
  if (count(bare, "`") % 2 === 1) return `${bare}\``;
  return count(bare, "**") % 2 === 1 ? `${bare.trimEnd()}**` : keepClosers(text, bare);
}

/** Trailing marks stay when they close something, and wait when they would open it. */
function keepClosers(text: string, bare: string): string {
  const tail = text.slice(bare.length);
  return tail && count(text, tail) % 2 === 0 ? text : bare;
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}
