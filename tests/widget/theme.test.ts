import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, onTop, palette, parseColor, type Rgb } from "../../widget/src/theme.ts";

const COLOURS = ["#3b5bdb", "#ffd43b", "#fff", "#000000", "e03131", "#2f9e44", "#808080", "#12b886"];
const SURFACES = { light: "#ffffff", dark: "#17191e" } as const;

function rgb(css: string | undefined): Rgb {
  return (css ?? "").match(/\d+/g)?.map(Number) as unknown as Rgb;
}

test("text on and beside any brand colour has WCAG AA contrast in both schemes", () => {
  for (const color of COLOURS) {
    for (const scheme of ["light", "dark"] as const) {
      const found = palette(color, scheme);
      const surface = parseColor(SURFACES[scheme]) as Rgb;
      assert.ok(contrast(rgb(found["--on-accent"]), rgb(found["--accent"])) >= 4.5, `on ${color} ${scheme}`);
      assert.ok(contrast(rgb(found["--link"]), surface) >= 4.5, `link ${color} ${scheme}`);
    }
  }
});

test("a readable brand colour is used as it is", () => {
  assert.equal(palette("#3b5bdb", "light")["--accent"], "rgb(59,91,219)");
  assert.deepEqual(onTop([59, 91, 219]), [255, 255, 255]);
});

test("what is no colour is not one", () => {
  for (const text of ["", "red", "#12", "#12345g", "url(https://evil.example)", "#fff;x:1"]) {
    assert.equal(parseColor(text), null, text);
  }
  assert.deepEqual(parseColor("#abc"), [170, 187, 204]);
});
