/** Which languages there are, which one a page wants, and the file that holds its words. */

import { english, type Table } from "./strings.ts";

/** English comes with the chat; each other one is a small file, loaded where it is wanted. */
export const LANGUAGES = ["en", "de", "fr", "es", "pt", "it", "nl", "pl", "sv", "ja", "zh", "ar"];
declare const WORDS_VERSION: string;

/** Return a tag as Intl takes it ("de_AT" is "de-AT"), or null if we have no words for it. */
export function knownLocale(tag: string | null | undefined): string | null {
  const [locale = ""] = canonical((tag ?? "").trim().replace(/_/g, "-"));
  return LANGUAGES.includes(baseOf(locale)) ? locale : null;
}

/** The first of several wishes that can be met. */
export function chooseLocale(wishes: readonly (string | null | undefined)[]): string {
  return wishes.map(knownLocale).find((locale) => locale) ?? "en";
}

export function baseOf(locale: string): string {
  return locale.split("-")[0] ?? "";
}

/** Fetch the words of a language; English is here already. */
export async function tableFor(locale: string, server: string, signal: AbortSignal): Promise<Table> {
  const language = baseOf(locale);
  if (language === "en") return english;
  const address = `${server}/widget/${language}.json?v=${WORDS_VERSION}`;
  const response = await fetch(address, { credentials: "omit", signal });
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return (await response.json()) as Table;
}

function canonical(tag: string): string[] {
  try {
    return tag ? Intl.getCanonicalLocales(tag) : [];
  } catch {
    return [];
  }
}
