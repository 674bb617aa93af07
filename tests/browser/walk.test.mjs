// What a new user does, from the one-time link to a verified audit export.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { inspect, launch, open } from "./browser.mjs";

const { BASE_URL, SETUP_URL, TWIN_URL, DEMO_URL, DEMO_JSON, ARTEFACTS, PROBITY } = process.env;
const PASSWORD = "seven quiet lanterns drift";
const demo = JSON.parse(readFileSync(DEMO_JSON, "utf8"));

let browser;
const complaints = [];

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
});

async function look(page, name) {
  complaints.push(...(await inspect(page, name, ARTEFACTS)));
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

for (const javaScriptEnabled of [true, false]) {
  const label = javaScriptEnabled ? "with scripts" : "without scripts";

  test(`a demo member finds their way ${label}`, async () => {
    const { context, problems } = await open(browser, DEMO_URL, { javaScriptEnabled });
    const page = await context.newPage();
    const member = demo.organizations[0].users.find((user) => user.role === "owner");
    await page.goto("/sign-in");
    await page.getByLabel("E-mail").fill(member.email);
    await page.getByLabel("Password").fill("wrong wrong wrong wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("E-mail").fill(member.email);
    await page.getByLabel("Password").fill(member.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
    const { slug } = demo.organizations[0];
    for (const place of ["", "/usage", "/audit", "/providers", "/members", "/models", "/projects", "/settings"]) {
      const response = await page.goto(`/o/${slug}${place}`);
      assert.equal(response.status(), 200, place);
      if (javaScriptEnabled) await look(page, `demo${place.replaceAll("/", "-") || "-overview"}`);
    }
    const foreign = await page.goto(`/o/${demo.organizations[1].slug}`);
    assert.equal(foreign.status(), 404, "another organization answers as one that does not exist");
    if (javaScriptEnabled) await look(page, "not-found");
    assert.deepEqual(problems, []);
    await context.close();
  });
}

test("a new user walks from the one-time link to a verified export", async () => {
  const { context, problems } = await open(browser, BASE_URL);
  const page = await context.newPage();

  // The first operator.
  await page.goto(SETUP_URL);
  await look(page, "setup");
  await page.getByLabel("Your name").fill("Nora Operator");
  await page.getByLabel("E-mail").fill("nora@walk.example");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the operator" }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/setup"));
  await look(page, "home-empty");
  const used = await (await context.newPage()).goto(SETUP_URL);
  assert.ok(used.status() >= 400, "the link works once");

  // An organization and a project.
  await page.goto("/organizations/new");
  await look(page, "organization-new");
  await page.getByLabel("Name", { exact: true }).fill("Walk & Sons");
  await page.getByLabel("Short name").fill("walk");
  await page.getByRole("button", { name: "Create organization" }).click();
  await page.waitForURL("**/o/walk**");
  await look(page, "organization-empty");
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

  // The trust page, signed in and not.
  await page.goto("/safe");
  await look(page, "safe");
  await page.goto("/account");
  await look(page, "account");
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
  while (!/\b8 verified/.test(text) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    text = await shown();
  }
  // On a busy machine one probe may be disturbed and prove nothing in its first run; none may find a violation.
  assert.match(text, /\b[78] verified/, "the first controls were shown to be true");
  assert.match(text, /\b0 failing/);
  assert.match(text, /coming soon/);
  await context.close();

  const scripted = await open(browser, BASE_URL);
  const trust = await scripted.context.newPage();
  await trust.goto("/trust");
  await look(trust, "trust");
  await trust.goto("/subprocessors");
  await look(trust, "subprocessors");
  await trust.goto("/sign-in");
  await look(trust, "sign-in");
  assert.deepEqual(scripted.problems, []);
  await scripted.context.close();
});

test("every page passes axe and fits a phone", () => {
  assert.deepEqual(complaints, []);
});
