// The console's own behaviour: keyboard, copying, notices. Every page works without it.
"use strict";

(() => {
  // htmx is the only code that may turn text into markup, and it gets it from our own server only.
  if (window.htmx && window.trustedTypes) {
    const policy = window.trustedTypes.createPolicy("htmx", { createHTML: (text) => text });
    window.htmx.registerExtension("trusted", { init: (api) => api.initSecurity(policy) });
  }

  const rows = () => [...document.querySelectorAll("[data-row]")];
  let current = null;

  function choose(row) {
    if (!row) return;
    current?.classList.remove("here");
    current = row;
    current.classList.add("here");
    (row.querySelector("a.talk") ?? row).focus({ preventScroll: true });
    const reduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    row.scrollIntoView({ block: row.matches("[data-turn]") ? "start" : "nearest", behavior: reduced ? "auto" : "smooth" });
  }

  function move(step) {
    const all = rows();
    const inside = document.activeElement?.closest("[data-row]");
    const at = all.indexOf(inside ?? current);
    choose(all[Math.min(all.length - 1, Math.max(0, at + step))]);
  }

  // The turn that a verdict key means: the one in hand, else the first without a verdict.
  function turnInHand() {
    const inside = document.activeElement?.closest("[data-turn]");
    if (inside) return inside;
    if (current?.isConnected) return current;
    return document.querySelector("[data-turn]:not([data-judged])") ?? document.querySelector("[data-turn]");
  }

  function judge(key) {
    const turn = turnInHand();
    const control = turn?.querySelector(`[data-verdict="${key}"]`);
    if (!control) return false;
    if (turn !== current) choose(turn);
    control.click();
    if (key !== "a") turn.querySelector('[name="fault"]:checked, [name="fault"]')?.focus();
    return true;
  }

  // 1 to 4 name the fault; then the corrected reply, or the note, is next.
  function blame(number) {
    const turn = turnInHand();
    const fault = turn?.querySelectorAll('[name="fault"]')[number - 1];
    if (!fault?.offsetParent) return false;
    fault.checked = true;
    const reply = turn.querySelector("[data-reply]");
    (reply.offsetParent ? reply : turn.querySelector('[name="note"]')).focus();
    return true;
  }

  function press(key) {
    if (key === "j") return move(1), true;
    if (key === "k") return move(-1), true;
    if (key === "a" || key === "c" || key === "x") return judge(key);
    if (/^[1-4]$/.test(key)) return blame(Number(key));
    const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return false;
    if (target.matches("input")) target.focus();
    else target.click();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio]), textarea, select, [popover]");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.target.closest?.("form.review")?.querySelector(".more .primary")?.click();
      return;
    }
    if (event.key === "Escape" && typing) return event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (press(event.key)) event.preventDefault();
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      tell("Copied.");
    } catch {
      window.getSelection().selectAllChildren(source);
      tell("Selected. Copy it with Ctrl C.");
    }
  });

  function tell(text) {
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.textContent = text;
    document.getElementById("toasts")?.append(toast);
    setTimeout(() => toast.remove(), 6000);
  }

  // A refused request says why in plain text; nothing on the page is replaced by it.
  document.addEventListener("htmx:response:error", (event) => {
    const context = event.detail.ctx;
    if (context.response.headers.get("Content-Type")?.startsWith("text/plain")) tell(context.text);
    else if (context.response.status >= 500) tell("The server could not do that. Try again in a moment.");
  });
  document.addEventListener("htmx:error", (event) => {
    // A poll that fails is tried again by itself.
    if (event.detail.ctx?.request?.method !== "GET") tell("The server cannot be reached. Nothing was lost; try again.");
  });

  // After a verdict its turn is replaced: keep it in hand, so that the next key means it.
  document.addEventListener("htmx:after:swap", (event) => {
    const id = event.detail.ctx?.target?.id;
    const turn = id?.startsWith("trn_") ? document.getElementById(id) : null;
    if (!turn) return;
    current = null;
    const next = turn.querySelector("[role=alert]") ? turn : document.querySelector("[data-turn]:not([data-judged])");
    choose(next ?? turn);
  });

  // A tried question tells wrong settings at their fields, which screen readers should know too.
  document.addEventListener("htmx:after:swap", () => {
    for (const wrong of document.querySelectorAll("#settings .wrong[id]")) {
      const field = document.getElementById(wrong.id.replace("e-", "f-"));
      if (wrong.textContent) field?.setAttribute("aria-invalid", "true");
      else field?.removeAttribute("aria-invalid");
    }
  });

  // On a phone the navigation scrolls sideways: show where one is.
  document.querySelector(".side nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // A notice belongs to one moment: a reload should not repeat it.
  if (document.querySelector("[data-notice]")) {
    const address = new URL(location.href);
    address.searchParams.delete("done");
    history.replaceState(history.state, "", address);
  }
  if (location.hash.startsWith("#trn_")) choose(document.getElementById(location.hash.slice(1)));
})();
