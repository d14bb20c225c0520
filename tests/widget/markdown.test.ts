import assert from "node:assert/strict";
import { test } from "node:test";
import { asDraft } from "../../widget/src/draft.ts";
import type { Inline } from "../../widget/src/inline.ts";
import { safeHref } from "../../widget/src/links.ts";
import { parseMarkdown, type Block } from "../../widget/src/markdown.ts";
import { withMarks } from "../../widget/src/marks.ts";

/** Trees as short text: <b>x</b>, [1] for marks. */
function inline(pieces: readonly Inline[]): string {
  return pieces
    .map((piece) => {
      switch (piece.kind) {
        case "text": return piece.text;
        case "code": return `<code>${piece.text}</code>`;
        case "break": return "<br>";
        case "mark": return `{${piece.n}}`;
        case "link": return `<a ${piece.href}>${inline(piece.children)}</a>`;
        default: return `<${piece.kind}>${inline(piece.children)}</${piece.kind}>`;
      }
    })
    .join("");
}

function show(block: Block): string {
  switch (block.kind) {
    case "paragraph": return `p(${inline(block.inline)})`;
    case "heading": return `h(${inline(block.inline)})`;
    case "code": return `code(${block.text})`;
    case "quote": return `quote(${block.blocks.map(show).join("")})`;
    case "rule": return "hr";
    case "list": return `${block.ordered ? `ol${block.start}` : "ul"}(${block.items.map((item) => item.map(show).join("")).join("|")})`;
    case "table": return `table(${[block.head, ...block.rows].map((row) => row.map(inline).join(",")).join(";")})`;
  }
}

const shown = (text: string) => parseMarkdown(text).map(show).join(" ");

const CASES: [string, string][] = [
  ["One\ntwo.\n\nThree.", "p(One two.) p(Three.)"],
  ["**bold** and *em* and `code` and ~~gone~~", "p(<strong>bold</strong> and <emphasis>em</emphasis> and <code>code</code> and <deleted>gone</deleted>)"],
  ["**a *b* c**", "p(<strong>a <emphasis>b</emphasis> c</strong>)"],
  ["*a **b** c*", "p(<emphasis>a <strong>b</strong> c</emphasis>)"],
  ["2 * 3 * 4 and snake_case_name", "p(2 * 3 * 4 and snake_case_name)"],
  ["an open **star", "p(an open **star)"],
  ["\\*not em\\*", "p(*not em*)"],
  ["one  \ntwo", "p(one<br>two)"],
  ["# Title #\ntext", "h(Title) p(text)"],
  ["- a\n- b\n  - c\n- d", "ul(p(a)|p(b)ul(p(c))|p(d))"],
  ["3. a\n4. b", "ol3(p(a)|p(b))"],
  ["Text:\n- a\n\nAfter", "p(Text:) ul(p(a)) p(After)"],
  ["- a\n\n- b\n\n  more", "ul(p(a)|p(b)p(more))"],
  ["1. a\n- b", "ol1(p(a)) ul(p(b))"],
  ["```js\na < b\n\n**no**\n```\nx", "code(a < b\n\n**no**) p(x)"],
  ["```\nopen", "code(open)"],
  ["> a\n> - b", "quote(p(a)ul(p(b)))"],
  ["---", "hr"],
  ["| a | b |\n|---|:-:|\n| 1 | **2** |\n| 3 |", "table(a,b;1,<strong>2</strong>;3,)"],
  ["a | b", "p(a | b)"],
  ["See https://a.example/x?y=1(z).", "p(See <a https://a.example/x?y=1(z)>https://a.example/x?y=1(z)</a>.)"],
  ["(https://a.example/x)", "p((<a https://a.example/x>https://a.example/x</a>))"],
  ["<https://a.example/>", "p(<a https://a.example/>https://a.example/</a>)"],
  ["[a **b**](https://a.example/ \"t\")", "p(<a https://a.example/>a <strong>b</strong></a>)"],
  ["[mail](mailto:a@b.example) [call](tel:+4912)", "p(<a mailto:a@b.example>mail</a> <a tel:+4912>call</a>)"],
  ["<b>raw</b> &amp;", "p(<b>raw</b> &amp;)"],
  ["![pic](https://evil.example/?q=S)", "p(<a https://evil.example/?q=S>pic</a>)"],
  ["[a][1]\n\n[1]: https://evil.example/", "p([a][1]) p([1]: <a https://evil.example/>https://evil.example/</a>)"],
];

for (const [text, expected] of CASES) {
  test(`markdown: ${JSON.stringify(text)}`, () => assert.equal(shown(text), expected));
}

test("a13: addresses that could run or mislead are no links", () => {
  const bad = [
    "javascript:alert(1)", "JaVa\tScript:alert(1)", "&#106;avascript:alert(1)", "data:text/html,x", "vbscript:x",
    "//evil.example", "\\\\evil.example", "https:\\\\evil.example", " https://a.example", "https://good.example@evil.example/",
    "file:///etc/passwd", "blob:https://a.example/x", "https://", "/relative", "#hash",
  ];
  for (const address of bad) {
    assert.equal(safeHref(address), null, address);
    assert.ok(!shown(`[x](${address})`).includes("<a javascript"), address);
  }
});

test("a blown-up reply is parsed in reasonable time", () => {
  const start = performance.now();
  for (const piece of ["*a ", "**", "[", "`a", "_a ", "> ", "- ", "|", "![](", "<http", "\\", "~~a"]) {
    parseMarkdown(piece.repeat(8000));
  }
  assert.ok(performance.now() - start < 4000, `${performance.now() - start} ms`);
});

const citation = (n: number, ...marks: number[]) => ({ n, marks, title: "t", url: null, quote: "q", source: "src_1" });

test("marks stand after code points, not UTF-16 units", () => {
  const marked = withMarks("Hi 👋🏽 you. End.", [citation(1, 10), citation(2, 15)]);
  assert.equal(shown(marked), "p(Hi 👋🏽 you.{1} End.{2})");
});

test("marks at the start of a line, in code, in a link or past the end break nothing", () => {
  const text = "a.\n\n- b\n- [c](https://a.example/xy)\n\n`code`\n\n```\nx\n```";
  const marks = [4, 10, 28, 40, 49, 55, 900].map((at, index) => citation(index + 1, at));
  assert.equal(
    shown(withMarks(text, marks)),
    "p(a.{1}) ul(p(b{2})|p(<a https://a.example/xy>c</a>{3})) p(<code>code</code>{4}) code(x) p({5}{6}{7})",
  );
});

test("several citations at one place are in order and not repeated", () => {
  assert.equal(shown(withMarks("Yes.", [citation(2, 4), citation(1, 4, 4)])), "p(Yes.{1}{2})");
});

test("private-use characters of the reply cannot pass for marks", () => {
  assert.equal(shown(withMarks("a\ue001b", [])), "p(a\ufffdb)");
});

const DRAFTS: [string, string][] = [
  ["a **bo", "a **bo**"],
  ["a **bold*", "a **bold**"],
  ["a **bold** b", "a **bold** b"],
  ["a **", "a "],
  ["a *em*", "a *em*"],
  ["use `co", "use `co`"],
  ["see [the pa", "see the pa"],
  ["see [the page](https://exa", "see the page"],
  ["```\na **b", "```\na **b"],
];

for (const [text, expected] of DRAFTS) {
  test(`draft: ${JSON.stringify(text)}`, () => assert.equal(asDraft(text), expected));
}
