/** Why the assistant's settings could not be had: a named code, with what to do. */

import { report, type Reporting } from "./report.ts";

/** Directives of the page's policy that have blocked the server, as they are told. */
export function watchPolicy(server: string, signal: AbortSignal): Set<string> {
  const blocked = new Set<string>();
  const note = ({ blockedURI, disposition, effectiveDirective }: SecurityPolicyViolationEvent) => {
    if (disposition === "enforce" && blockedURI.startsWith(new URL(server).origin)) blocked.add(effectiveDirective);
  };
  document.addEventListener("securitypolicyviolation", note, { signal });
  return blocked;
}

/** Tell why; status 0 means that the browser gave no answer to the page. */
export async function explainFailure(element: Reporting, server: string, told: { status: number; blocked: Set<string> }): Promise<void> {
  const { assistant } = element.dataset;
  const tell = (code: string, message: string) => report(element, code, message);
  if (told.status === 404) return tell("unknown-assistant", `${server} has no assistant "${assistant}". Copy its tag from the console.`);
  if (told.status !== 403) {
    // The browser tells of its policy a moment after the failure.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { origin } = new URL(server);
    if (told.blocked.has("connect-src")) {
      return tell("csp-connect", `the page's Content-Security-Policy blocks the chat. Add ${origin} to connect-src.`);
    }
    if (told.status || !(await answers(server))) return tell("server-unreachable", `${server} does not answer as it should. Is it up?`);
  }
  tell("origin-refused", `${location.origin} may not show "${assistant}". Add it in the console under Settings, Allowed origins.`);
}

/** A server that refuses an origin keeps its answer from the page, but does answer. */
function answers(server: string): Promise<boolean> {
  return fetch(`${server}/healthz`, { mode: "no-cors", credentials: "omit" }).then(Boolean, () => false);
}
