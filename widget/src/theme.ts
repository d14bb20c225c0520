/** Colours worked out from the one brand colour, so that text on and beside it stays readable. */

export type Scheme = "light" | "dark";
export type Rgb = readonly [number, number, number];

const WHITE: Rgb = [255, 255, 255];
const INK: Rgb = [16, 18, 24];
const SURFACE: Record<Scheme, Rgb> = { light: WHITE, dark: [23, 25, 30] };
/** Shown until the assistant's own colour is known; launcher.css has the same. */
const NEUTRAL: Rgb = [47, 55, 71];
const READABLE = 4.5;
/** The luminance of a colour on which white has that contrast: 1.05 / 4.5 - 0.05. */
const WHITE_READS_UNTIL = 0.1833;
// Link-coloured text also stands on a tint of the brand colour, which costs some contrast.
const ON_TINT: Record<Scheme, number> = { light: 1, dark: 2.6 };
// A brand colour is kept as it is unless it would vanish into the surface.
const VISIBLE = 1.6;

/** The colour variables that depend on the brand. */
export function palette(color: string, scheme: Scheme): Record<string, string> {
  const brand = parseColor(color) ?? NEUTRAL;
  const surface = SURFACE[scheme];
  const accent = apart(brand, surface, VISIBLE);
  return {
    "--accent": css(accent),
    "--accent-rgb": accent.join(","),
    "--on-accent": css(onTop(accent)),
    "--link": css(apart(brand, surface, READABLE + ON_TINT[scheme])),
  };
}

/** White where it is readable on the colour, else ink. */
export function onTop(accent: Rgb): Rgb {
  return luminance(accent) <= WHITE_READS_UNTIL ? WHITE : INK;
}

/** Say which scheme applies: the page's wish, then the assistant's, then the visitor's system. */
export function schemeFor(theme: string | null | undefined): Scheme {
  if (theme === "light" || theme === "dark") return theme;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function parseColor(text: string): Rgb | null {
  const hex = text.replace(/^#?(.)(.)(.)$/, "$1$1$2$2$3$3");
  const parts = /^#?([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(hex)?.slice(1);
  return parts ? (parts.map((part) => parseInt(part, 16)) as unknown as Rgb) : null;
}

/** WCAG contrast ratio, 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: Rgb): number {
  const light = (part: number) => (part <= 10 ? part / 3295 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * light(color[0]) + 0.7152 * light(color[1]) + 0.0722 * light(color[2]);
}

/** Move a colour away from the surface, in small steps, until the ratio is reached. */
function apart(color: Rgb, surface: Rgb, ratio: number): Rgb {
  const goal = luminance(surface) > 0.5 ? INK : WHITE;
  let moved = color;
  for (let share = 0; share <= 1 && contrast(moved, surface) < ratio; share += 0.04) {
    moved = color.map((part, at) => Math.round(part + ((goal[at] ?? 0) - part) * share)) as unknown as Rgb;
  }
  return moved;
}

export function css(color: Rgb): string {
  return `rgb(${color.join(",")})`;
}
