// The order matters: pages are looked at while probes have their first runs, and what was found is said last.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { inspect, open } from "./browser.mjs";
import { browser, complaints, unseen } from "./looks.mjs";
import "./walk.mjs";
import "./tour.mjs";
import "./trust.mjs";
import "./letters.mjs";

/** Too wide for a phone, too dim in the dark, and a field without a label: one fault for each thing looked for. */
const FAULTY = `<!doctype html><html lang="en"><head><title>Faulty</title>
<meta name="viewport" content="width=device-width"><style>
:root { color-scheme: light dark } .wide { inline-size: 40rem }
@media (prefers-color-scheme: dark) { .dim { color: #333; background: #222 } }
</style></head><body><main><h1>Faulty</h1><p class="wide">wide</p><p class="dim">dim</p><input></main></body></html>`;

test("what is wrong with a page is found", async () => {
  const { context } = await open(browser, "http://127.0.0.1");
  const page = await context.newPage();
  await page.setContent(FAULTY);
  const found = await inspect(page, "faulty", mkdtempSync(path.join(tmpdir(), "faulty-")));
  const said = (size, what) => found.some((line) => line.startsWith(`faulty (${size}): `) && line.includes(what));
  assert.ok(said("phone", "too wide") && !said("light", "too wide"), "the width is measured on the phone");
  assert.ok(said("dark", "color-contrast") && !said("light", "color-contrast"), "the dark is looked at");
  for (const size of ["light", "dark", "phone"]) assert.ok(said(size, "label: "), `axe runs in ${size}`);
  await context.close();
});

test("every page was looked at", () => {
  assert.deepEqual(unseen(), []);
});

test("every page passes axe in light and dark, and fits a phone", () => {
  assert.deepEqual(complaints, []);
});
