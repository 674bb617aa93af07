// A stranger who wants to hear of changes of sub-processors, with a mailbox of their own.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { open } from "./browser.mjs";
import { browser, look } from "./looks.mjs";

const { BASE_URL, DATA, LETTERS, OVERLAYS, PROBITY, ROOT_KEY } = process.env;
const READER = "reader@example.org";

/** A company behind one that is shipped, which was not there before. */
const NEWS = `[[subprocessors]]
name = "Example Hosting"
country = "DE"
purpose = "hosting"
source = "https://example.org/subprocessors"
`;

/** The letter to somebody that says `text`, once it has arrived. */
async function letter(text, to = READER) {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    const letters = readdirSync(LETTERS).filter((name) => name.endsWith(".txt"));
    const found = letters
      .map((name) => readFileSync(path.join(LETTERS, name), "utf8"))
      .find((content) => content.startsWith(`${to}\n`) && content.includes(text));
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return assert.fail(`no letter says ${text}`);
}

/** Where the link in a letter leads on this server. */
function linked(content, prefix) {
  const address = new RegExp(`${prefix}[A-Za-z0-9_.-]+`).exec(content)?.[0];
  assert.ok(address, `the letter links to ${prefix}`);
  return address;
}

test("a stranger hears of a new sub-processor by letter, and is forgotten when they say so", async () => {
  const { context, problems } = await open(browser, BASE_URL, { javaScriptEnabled: true });
  const page = await context.newPage();
  await page.goto("/subprocessors");
  await page.getByLabel("Tell me by e-mail").fill(READER);
  await page.getByRole("button", { name: "Tell me" }).click();
  await page.getByText("A letter is on its way").waitFor();

  await page.goto(linked(await letter("Confirm"), "/subprocessors/confirm/"));
  await look(page, "subscription-confirm");
  await page.getByRole("button", { name: "Yes, tell me" }).click();
  await page.getByText("From now on a letter comes when this list changes.").waitFor();

  writeFileSync(path.join(OVERLAYS, "anthropic.toml"), NEWS);
  execFileSync(PROBITY, ["admin", "reload-catalogue", "--data", DATA, "--root-key", ROOT_KEY], { stdio: "pipe" });
  const told = await letter("New about Anthropic: Example Hosting (DE) stands behind it.");
  await page.goto("/subprocessors");
  assert.match(await page.locator("#anthropic").innerText(), /Example Hosting/);

  await page.goto(linked(told, "/subprocessors/unsubscribe/"));
  await look(page, "subscription-end");
  await page.getByRole("button", { name: "Forget my address" }).click();
  await page.getByText("No more letters come.").waitFor();
  await page.goBack();
  const gone = await page.reload();
  assert.equal(gone.status(), 404, "the address is not known any more");
  await look(page, "subscription-gone");
  assert.deepEqual(problems, []);
  await context.close();
});

test("somebody asks for a code and types it where they asked", async () => {
  const { context, problems } = await open(browser, BASE_URL, { javaScriptEnabled: true });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill("nora@walk.example");
  await page.getByRole("button", { name: "E-mail me a code instead" }).click();
  await page.getByText("a letter with a code is on its way").waitFor();
  await look(page, "sign-in-code");
  const link = linked(await letter("This code signs you in", "nora@walk.example"), "/sign-in/code/");

  const elsewhere = await open(browser, BASE_URL, { javaScriptEnabled: true });
  const other = await elsewhere.context.newPage();
  await other.goto(link);
  await look(other, "sign-in-code-elsewhere");
  const code = await other.locator("#code").innerText();
  assert.match(code, /^\d{3} \d{3}$/);
  assert.deepEqual(elsewhere.problems, []);
  await elsewhere.context.close();

  await page.getByLabel("Code").fill("000 000");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await look(page, "sign-in-code-wrong");
  await page.goto(link);
  await look(page, "sign-in-code-linked");
  assert.equal(await page.getByLabel("Code").inputValue(), code, "the link fills it in");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});
