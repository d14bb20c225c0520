/** Building nodes without markup: createElement, text nodes and listeners, nothing else. */

type Child = Node | string | null;
type Listener = (event: Event) => void;
type Attributes = Record<string, string | number | boolean | null | Listener>;

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. Functions become listeners (`click: ...`); null and false are left out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child): child is Node | string => child !== null));
  return element;
}

/** Draw a 24 by 24 outline icon from its path. */
export function icon(path: string, className = "icon"): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

/** A link that leaves the page: new tab, no way back to it, no endorsement. */
export function outLink(href: string, attributes: Attributes, ...children: Child[]): HTMLAnchorElement {
  return el("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

/** Give a shadow root its style sheet: constructable, so that no style policy can forbid it. */
export function adopt(root: ShadowRoot, css: string): CSSStyleSheet | null {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    return sheet;
  } catch {
    // Safari before 16.4 has no constructable sheets.
    root.querySelector("style")?.remove();
    const style = document.createElement("style");
    style.textContent = css;
    root.prepend(style);
    return style.sheet;
  }
}

/** Set custom properties on the sheet's first rule, which must be the one for :host. */
export function setVariables(sheet: CSSStyleSheet | null, variables: Record<string, string>): void {
  const rule = sheet?.cssRules[0] as CSSStyleRule | undefined;
  for (const [name, value] of Object.entries(variables)) rule?.style.setProperty(name, value);
}
