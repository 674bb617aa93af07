// What a stranger sees of the trust centre.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./browser.mjs";
import { browser, look } from "./looks.mjs";

const { BASE_URL } = process.env;

test("the trust page tells a stranger what was shown, without scripts", async () => {
  const { context } = await open(browser, BASE_URL, { javaScriptEnabled: false });
  const page = await context.newPage();
  const shown = async () => {
    await page.goto("/trust");
    return page.locator("body").innerText();
  };
  // Every probe has its first run within 60 seconds of the start.
  const deadline = Date.now() + 90_000;
  let text = await shown();
  while (!/\b55 verified/.test(text) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    text = await shown();
  }
  assert.match(text, /\b55 verified/, "the first controls were shown to be true");
  assert.match(text, /\b0 failing/);
  assert.match(text, /coming soon/);
  await context.close();
});

test("the trust page with scripts", async () => {
  const { context, problems } = await open(browser, BASE_URL);
  const page = await context.newPage();
  await page.goto("/trust");
  await look(page, "trust");
  await page.goto("/trust?status=verified");
  await look(page, "trust-verified");
  await page.locator("details.control summary").first().click();
  await look(page, "trust-control");
  await page.goto("/subprocessors");
  await look(page, "subprocessors");
  await page.goto("/sign-in");
  await look(page, "sign-in");
  assert.deepEqual(problems, []);
  await context.close();
});
