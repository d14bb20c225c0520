import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { chooseLocale, knownLocale, LANGUAGES } from "../../widget/src/languages.ts";
import { english, overlay, stringsIn, type Table } from "../../widget/src/strings.ts";

const FOLDER = new URL("../../widget/src/languages/", import.meta.url);
type Words = { [key: string]: string | Words };

function wordsOf(language: string): Words {
  return JSON.parse(readFileSync(new URL(`${language}.json`, FOLDER), "utf8")) as Words;
}

/** Every text by its path; the forms of a plural are one list under "path:forms". */
function flat(words: Words, path = ""): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [key, value] of Object.entries(words)) {
    if (typeof value === "string") found.set(path + key, [value]);
    else if ("other" in value) found.set(`${path}${key}:forms`, Object.values(value) as string[]);
    else for (const [name, texts] of flat(value, `${path}${key}.`)) found.set(name, texts);
  }
  return found;
}

function placeholders(text: string): string {
  return (text.match(/\{\w+\}/g) ?? []).sort().join();
}

const ENGLISH = flat(wordsOf("en"));

test("there is a file for each language and no other", () => {
  assert.deepEqual(readdirSync(FOLDER).sort(), LANGUAGES.map((language) => `${language}.json`).sort());
  assert.equal(LANGUAGES.length, 12);
});

for (const language of LANGUAGES) {
  const words = flat(wordsOf(language));

  test(`${language} has the keys and placeholders of English, and no empty text`, () => {
    assert.deepEqual([...words.keys()], [...ENGLISH.keys()]);
    for (const [name, texts] of words) {
      for (const text of texts) assert.ok(text.trim() === text && text, name);
      const wanted = placeholders(ENGLISH.get(name)?.[0] ?? "");
      // "Two sources" may be one word, so only the last form must hold the number.
      assert.equal(placeholders(texts.at(-1) ?? ""), wanted, name);
      for (const text of texts) assert.ok(["", wanted].includes(placeholders(text)), name);
    }
  });

  test(`${language} has a form for every number`, () => {
    const { reading, sources, backing } = wordsOf(language) as unknown as Table;
    const rules = new Intl.PluralRules(language);
    for (const plural of [reading, sources, backing]) {
      for (let n = 0; n <= 200; n++) assert.ok(rules.select(n) in plural, `${rules.select(n)} for ${n}`);
    }
  });

  test(`${language} leaves nothing in English`, () => {
    const same = [...words].filter(([name, texts]) => texts[0] === ENGLISH.get(name)?.[0]).map(([name]) => name);
    // Words that are the same in both: assistant, conversation, question, source, chat with.
    if (language !== "en") assert.ok(same.length <= 5, same.join());
  });
}

test("a page's tag is met by its language, whatever its region and case", () => {
  assert.equal(knownLocale("pt_BR"), "pt-BR");
  assert.equal(knownLocale("DE-at"), "de-AT");
  assert.equal(knownLocale("zh-Hant-TW"), "zh-Hant-TW");
  for (const tag of ["", null, undefined, "nb", "x", "not a tag", "en--"]) assert.equal(knownLocale(tag), null);
});

test("the first wish that can be met is met, else English", () => {
  assert.equal(chooseLocale(["", "nb-NO", "fr-CA", "de"]), "fr-CA");
  assert.equal(chooseLocale([null, "tlh"]), "en");
});

test("numbers and plurals follow the language", () => {
  const polish = stringsIn("pl", wordsOf("pl") as unknown as Table);
  const counted = [1, 2, 5, 22].map((n) => polish.count(polish.sources, n));
  assert.deepEqual(counted, ["1 źródło", "2 źródła", "5 źródeł", "22 źródła"]);
  const arabic = stringsIn("ar-EG", wordsOf("ar") as unknown as Table);
  assert.equal(arabic.direction, "rtl");
  assert.equal(arabic.count(arabic.sources, 3), "٣ مصادر");
  assert.equal(stringsIn("en", english).fill("{a} and {b}", { a: "<b>{b}" }), "<b>{b} and {b}");
});

test("an owner's words are laid over ours, and those that name nothing are told", () => {
  const unknown: string[] = [];
  const own = JSON.parse(
    '{"send":"Go","sources":"{n} places","labels":{"curated":"From us","new":"x"},"__proto__":{"a":"b"},"nope":"x","problems":"x","stop":{"a":"b"},"copy":3}',
  ) as object;
  const strings = stringsIn("en", overlay(english, own, (key) => unknown.push(key)));
  assert.equal(strings.send, "Go");
  assert.equal(strings.count(strings.sources, 1), "1 places");
  assert.equal(strings.labels.curated, "From us");
  assert.equal(strings.labels.refused, "Not in the sources");
  assert.deepEqual(unknown, ["labels.new", "__proto__", "nope", "problems", "stop", "copy"]);
  assert.equal(english.send, "Send");
});
