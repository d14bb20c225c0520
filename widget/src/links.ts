/** Which addresses a link may have. Everything else stays text. */

const WEB = /^https?:\/\//i;
const CONTACT = /^(?:mailto:|tel:)[^\s<>"'\\]+$/i;
// Control characters, white space and backslashes are how `java\tscript:` and `\\evil` get through.
const SUSPECT = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\\]/;

/** Return the address if it may be opened (http, https, mailto, tel), else null. */
export function safeHref(address: string): string | null {
  if (SUSPECT.test(address)) return null;
  if (CONTACT.test(address)) return address;
  if (!WEB.test(address)) return null;
  return webAddress(address);
}

/** The same for addresses that may only be web pages: sources, logo, privacy page. */
export function safeWebHref(address: string | null | undefined): string | null {
  return address && WEB.test(address) && !SUSPECT.test(address) ? webAddress(address) : null;
}

function webAddress(address: string): string | null {
  try {
    const url = new URL(address);
    // https://good.example@evil.example reads like one host and opens another.
    return url.username || url.password ? null : url.href;
  } catch {
    return null;
  }
}

/** What to show beside a title: the host and the path, without the noise. */
export function shortAddress(address: string): string {
  const url = new URL(address);
  const path = url.pathname.replace(/\/$/, "");
  return url.host.replace(/^www\./, "") + path;
}
