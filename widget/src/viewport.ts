/** The part of the screen that an on-screen keyboard leaves free. */

/** Call back with the visible top and height (CSS px) now and whenever they change. */
export function followViewport(changed: (top: number, height: number) => void, signal: AbortSignal): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const tell = () => changed(Math.max(0, viewport.offsetTop), viewport.height);
  viewport.addEventListener("resize", tell, { signal });
  viewport.addEventListener("scroll", tell, { signal });
  tell();
}

/** How to scroll for a visitor: a style sheet cannot calm what a script asks for. */
export function scrolling(): ScrollBehavior {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

/** Whether the panel covers the whole screen. The width is the one in styles/panel.css. */
export function isFullScreen(): boolean {
  return matchMedia("(max-width: 479.98px)").matches;
}
