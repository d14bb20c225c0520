/** Every word the visitor reads or hears, in one language, with the owner's own words over it. */

import en from "./languages/en.json" with { type: "json" };

/** A phrase by plural category: "other" always, the rest as the language needs them. */
export type Plural = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;
type Words = { readonly [key: string]: string | Words };

export type Table = Omit<typeof en, "reading" | "sources" | "backing" | "labels" | "pageStates" | "problems"> & {
  reading: Plural;
  sources: Plural;
  backing: Plural;
  labels: Record<string, string>;
  pageStates: Record<string, string>;
  problems: Record<string, { message: string; hint: string }>;
};

export interface Strings extends Table {
  /** The whole tag ("pt-BR"): numbers follow it. */
  readonly locale: string;
  /** The language of the words ("pt"). */
  readonly language: string;
  readonly direction: "ltr" | "rtl";
  number(n: number): string;
  /** Put values where the template says {name}. */
  fill(template: string, values: Record<string, string | number>): string;
  /** The form of a phrase for a number, with the number in it. */
  count(plural: Plural, n: number): string;
}

const CATEGORIES = ["zero", "one", "two", "few", "many", "other"];
export const english: Table = en;

export function stringsIn(locale: string, table: Table): Strings {
  const language = locale.toLowerCase().split("-")[0] ?? "en";
  const digits = new Intl.NumberFormat(locale, { useGrouping: false });
  const rules = new Intl.PluralRules(locale);
  const number = (n: number) => digits.format(n);
  const fill: Strings["fill"] = (template, values) =>
    template.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return typeof value === "number" ? number(value) : (value ?? whole);
    });
  const count = (plural: Plural, n: number) => fill(plural[rules.select(n)] ?? plural.other, { n });
  return { ...table, locale, language, direction: language === "ar" ? "rtl" : "ltr", number, fill, count };
}

/** Lay the owner's words over a table; each key that it does not have is told and left out. */
export function overlay(table: Table, own: unknown, unknown: (key: string) => void): Table {
  return laid(table as unknown as Words, own, "", unknown) as unknown as Table;
}

function laid(words: Words, own: unknown, path: string, unknown: (key: string) => void): Words {
  const result: Record<string, string | Words> = { ...words };
  const known = "other" in words ? CATEGORIES : Object.keys(words);
  for (const [key, value] of Object.entries(own ?? {})) {
    const next = known.includes(key) ? laidOne(words[key] ?? "", value, `${path}${key}.`, unknown) : null;
    if (next === null) unknown(path + key);
    else result[key] = next;
  }
  return result;
}

/** Return what stands in place of the old words, or null where the new ones do not fit. */
function laidOne(old: string | Words, value: unknown, path: string, unknown: (key: string) => void): string | Words | null {
  if (typeof old === "string") return typeof value === "string" ? value : null;
  if (typeof value === "string") return "other" in old ? alike(old, value) : null;
  return typeof value === "object" ? laid(old, value, path, unknown) : null;
}

/** One sentence for all forms of a phrase. */
function alike(old: Words, value: string): Words {
  return Object.fromEntries(Object.keys(old).map((key) => [key, value]));
}
