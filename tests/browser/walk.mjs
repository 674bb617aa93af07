// What a new user does, from the one-time link to a verified audit export.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { generateSync } from "otplib";
import { open } from "./browser.mjs";
import { browser, look } from "./looks.mjs";

const { BASE_URL, SETUP_URL, TWIN_URL, ARTEFACTS, PROBITY } = process.env;
const PASSWORD = "seven quiet lanterns drift";

async function signIn(page) {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill("nora@walk.example");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function heading(page, text) {
  await page.getByRole("heading", { level: 1, name: text }).waitFor({ timeout: 10_000 });
}

/** Settling and sequencing take up to a second or two: asks again until the page shows `text`. */
async function shows(page, url, text) {
  const deadline = Date.now() + 15_000;
  do {
    await page.goto(url);
    if ((await page.content()).includes(text)) return;
    await page.waitForTimeout(250);
  } while (Date.now() < deadline);
  assert.fail(`${url} does not show ${text}`);
}

test("a new user walks from the one-time link to a verified export", async () => {
  const { context, problems } = await open(browser, BASE_URL);
  const page = await context.newPage();

  // The first operator.
  await page.goto(SETUP_URL);
  await look(page, "setup");
  await page.getByLabel("Your name").fill("Nora Operator");
  await page.getByLabel("E-mail").fill("nora@walk.example");
  await page.getByLabel("Password").fill("passwordpassword");
  await page.getByRole("button", { name: "Create the operator" }).click();
  await page.getByRole("alert").waitFor();
  await look(page, "setup-problem");
  assert.equal(await page.getByLabel("Your name").inputValue(), "Nora Operator", "what was typed is kept");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the operator" }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/setup"));
  const used = await page.goto(SETUP_URL);
  assert.equal(used.status(), 404, "the link works once");
  await look(page, "setup-used");

  // Nothing an operator may do without a second factor; a session of before is asked for it later.
  const elsewhere = await open(browser, BASE_URL);
  const other = await elsewhere.context.newPage();
  await signIn(other);
  await other.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  assert.equal((await page.goto("/organizations/new")).status(), 403);
  await look(page, "second-factor-needed");
  await page.getByRole("link", { name: "Show it or set it up" }).click();
  await heading(page, "Set up a second factor");
  await look(page, "second-factor-set-up");
  const secret = await page.locator("input[name=seed]").inputValue();
  const code = (step) => generateSync({ secret, epoch: Math.floor(Date.now() / 1000) + 30 * step });
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByLabel("Your password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByRole("alert").waitFor();
  await look(page, "second-factor-wrong");
  assert.equal(await page.locator("input[name=seed]").inputValue(), secret, "what was scanned still counts");
  await page.getByLabel("Code", { exact: true }).fill(code(0));
  await page.getByLabel("Your password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set up" }).click();
  await heading(page, "Keep these recovery codes");
  const codes = (await page.locator("#codes").textContent()).trim().split(/\s+/);
  assert.equal(codes.length, 10);
  // Codes are shown once: the picture has others.
  await page.evaluate(() => document.getElementById("codes").replaceChildren("abcd-efgh-jkmn\npqrs-tuvw-xyz2"));
  await look(page, "recovery-codes");
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.waitForURL("**/organizations/new");
  await other.goto("/account/second-factor?next=/account");
  await look(other, "second-factor-show");
  await other.getByLabel("Code", { exact: true }).fill(codes[0]);
  await other.getByRole("button", { name: "Go on" }).click();
  await other.waitForURL("**/account");
  await look(other, "account");
  await other.goto("/account/second-factor");
  await other.getByText("9 of 10").waitFor();
  await look(other, "second-factor");

  // Signing in takes both.
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.waitForURL("**/sign-in**");
  await signIn(other);
  await heading(other, "One more step");
  await look(other, "sign-in-second-factor");
  await other.getByRole("link", { name: "Use a recovery code instead" }).click();
  await look(other, "sign-in-recovery");
  await other.getByRole("link", { name: "Use the app instead" }).click();
  await other.getByLabel("Code", { exact: true }).fill("000000");
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByRole("alert").waitFor();
  await other.getByLabel("Code", { exact: true }).fill(code(1));
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.waitForURL((url) => url.pathname === "/");
  assert.deepEqual(elsewhere.problems, []);
  await elsewhere.context.close();
  await page.goto("/");
  await look(page, "home-empty");

  // An organization and a project.
  await page.goto("/organizations/new");
  await look(page, "organization-new");
  await page.getByLabel("Name", { exact: true }).fill("Walk & Sons");
  await page.getByLabel("Short name").fill("walk");
  await page.getByRole("button", { name: "Create organization" }).click();
  await page.waitForURL("**/o/walk**");
  await look(page, "organization-empty");
  for (const place of ["projects", "providers", "rules", "masking", "models", "usage", "members", "audit", "settings"]) {
    await page.goto(`/o/walk/${place}`);
    await look(page, `${place}-empty`);
  }
  await page.goto("/o/walk/projects/new");
  await look(page, "project-new");
  await page.getByLabel("Name", { exact: true }).fill("Website");
  await page.getByLabel("Short name").fill("website");
  await page.getByRole("button", { name: "Create project" }).click();
  await page.waitForURL("**/o/walk/p/**");
  const project = new URL(page.url()).pathname;
  await look(page, "project-empty");

  // A provider: any server that speaks the OpenAI format.
  await page.goto("/o/walk/providers/new");
  await look(page, "providers-choose");
  await page.getByRole("link", { name: "Another server" }).click();
  await page.getByLabel("Name").fill("Twin");
  await page.getByLabel("Address").fill("ftp://nowhere");
  await page.getByRole("radio").first().check();
  await page.getByRole("button", { name: "Add provider" }).click();
  await page.getByRole("alert").first().waitFor();
  await look(page, "provider-problem");
  await page.getByLabel("Address").fill(TWIN_URL);
  await page.getByLabel("Models").fill("sandbox-echo\nsandbox-slow");
  await page.getByLabel(/This server is ours/).check();
  await page.getByRole("button", { name: "Add provider" }).click();
  await page.waitForURL((url) => !url.pathname.endsWith("/new"));
  await page.goto("/o/walk/providers");
  await page.getByText("Twin").first().waitFor();
  await look(page, "providers");

  // An API key, shown once.
  await page.goto(`${project}/keys`);
  await look(page, "keys-empty");
  await page.goto(`${project}/keys/new`);
  await look(page, "key-new");
  await page.getByLabel("Name").fill("walk");
  await page.getByRole("button", { name: "Create key" }).click();
  await heading(page, "Store this key now");
  const key = (await page.locator("#key").textContent()).trim();
  assert.match(key, /^pbk_/);
  // The one page that holds a key is pictured without it.
  await page.evaluate(() => document.getElementById("key").replaceChildren("pbk_the-key-is-shown-here-once"));
  await look(page, "key-created");
  await page.goto(`${project}/keys`);
  assert.ok(!(await page.content()).includes(key), "the key is shown once");
  assert.ok((await page.content()).includes(key.slice(-4)), "the last four stay");
  await look(page, "keys");

  // The official SDKs.
  const openai = new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey: key });
  const words = "lanterns over the harbour";
  const answer = await openai.chat.completions.create({
    model: "sandbox-echo",
    messages: [{ role: "user", content: words }],
  });
  assert.equal(answer.choices[0].message.content, words);
  const anthropic = new Anthropic({ baseURL: BASE_URL, apiKey: key });
  const message = await anthropic.messages.create({
    model: "sandbox-echo",
    max_tokens: 100,
    messages: [{ role: "user", content: words }],
  });
  assert.equal(message.content[0].text, words);

  // Usage: tokens, model, provider, latency, cost; never content.
  await shows(page, "/o/walk/usage", "Twin");
  const usage = await page.content();
  for (const expected of ["sandbox-echo", "Twin"]) assert.ok(usage.includes(expected), expected);
  assert.ok(!usage.includes(words), "usage never shows content");
  await look(page, "usage");

  // Audit: who created the key.
  await shows(page, "/o/walk/audit", ">key.create<");
  await page.getByRole("cell").filter({ hasText: "created an API key" }).first().waitFor();
  assert.ok((await page.content()).includes("Nora Operator"), "the log says who");
  await look(page, "audit");

  // The export verifies offline, and a tampered one does not.
  const bundle = path.join(ARTEFACTS, "walk.bundle");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: /Export/ }).or(page.getByRole("button", { name: /Export/ })).first().click();
  await (await download).saveAs(bundle);
  const report = execFileSync(PROBITY, ["verify", bundle, "--json"], { encoding: "utf8" });
  assert.equal(JSON.parse(report).ok, true);
  const bytes = readFileSync(bundle);
  const at = bytes.indexOf("key.create");
  assert.ok(at > 0);
  bytes.write("key.revoke", at);
  writeFileSync(bundle, bytes);
  assert.throws(() => execFileSync(PROBITY, ["verify", bundle], { stdio: "pipe" }));
  rmSync(bundle);

  // What it means for this person, and the end of a key.
  await page.goto("/safe");
  await look(page, "safe");
  await page.goto(`${project}/keys`);
  await page.getByRole("link", { name: /Revoke/ }).or(page.getByRole("button", { name: /Revoke/ })).first().click();
  await look(page, "key-revoke");
  const confirmation = page.locator("form input[type=text], form input:not([type])").first();
  if (await confirmation.count()) await confirmation.fill("walk");
  await page.locator("main").getByRole("button", { name: /Revoke/ }).first().click();
  await page.waitForURL("**/keys**");
  const refused = await openai.chat.completions
    .create({ model: "sandbox-echo", messages: [{ role: "user", content: words }] })
    .catch((error) => error);
  assert.ok(refused instanceof OpenAI.AuthenticationError, "a revoked key is refused at once");
  assert.deepEqual(problems, []);
  await context.close();
});
