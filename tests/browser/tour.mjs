// Every page of the demo, which has some history, as each kind of person sees it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SIZES, open } from "./browser.mjs";
import { browser, look } from "./looks.mjs";

const { DEMO_URL, DEMO_JSON } = process.env;
const demo = JSON.parse(readFileSync(DEMO_JSON, "utf8"));
const [own, foreign] = demo.organizations;
const base = `/o/${own.slug}`;
const project = `${base}/p/${own.projects[0].slug}`;

async function signIn(page, person) {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}

const member = (role) => own.users.find((user) => user.role === role);

/** A visit that must answer with `status`; the page is looked at when it has a name. */
async function visit(page, path, name, status = 200) {
  const response = await page.goto(path);
  assert.equal(response.status(), status, path);
  if (name) await look(page, name);
}

/** Follows the first link in the page's content whose address matches. */
async function follow(page, from, matches, name) {
  await page.goto(from);
  const addresses = await page.locator("main a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  const address = addresses.find((href) => matches.test(href));
  assert.ok(address, `${from} links to ${matches}`);
  await visit(page, address, name);
}

/** Sends the form in the page's content as it stands, past the browser's own checks, so that the server must answer. */
async function send(page, button, fields = {}) {
  // A page may have two forms that ask for a name.
  const form = page.locator("main form", { has: page.getByRole("button", { name: button }) });
  for (const [label, text] of Object.entries(fields)) await form.getByLabel(label).fill(text);
  await page.evaluate(() => document.querySelectorAll("form").forEach((form) => { form.noValidate = true; }));
  await page.locator("main").getByRole("button", { name: button }).click();
}

for (const javaScriptEnabled of [true, false]) {
  test(`a demo member finds their way ${javaScriptEnabled ? "with" : "without"} scripts`, async () => {
    const { context, problems } = await open(browser, DEMO_URL, { javaScriptEnabled });
    const page = await context.newPage();
    await page.goto("/sign-in");
    await page.getByLabel("E-mail").fill(member("owner").email);
    await page.getByLabel("Password").fill("wrong wrong wrong wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    if (javaScriptEnabled) await look(page, "sign-in-wrong");
    await signIn(page, member("owner"));
    for (const place of ["", "/usage", "/usage/reconcile", "/audit", "/providers", "/rules", "/masking", "/subprocessors", "/budgets", "/limits", "/webhooks", "/sign-on", "/members", "/models", "/projects", "/settings"]) {
      await visit(page, `${base}${place}`, javaScriptEnabled && `demo${place.replaceAll("/", "-") || "-overview"}`);
    }
    await visit(page, `/o/${foreign.slug}`, javaScriptEnabled && "not-found-signed-in", 404);
    assert.deepEqual(problems, []);
    await context.close();
  });
}

test("an owner sees every page of an organization with some history", async () => {
  const { context, problems } = await open(browser, DEMO_URL);
  const page = await context.newPage();
  await signIn(page, member("owner"));
  await visit(page, "/", "demo-home");
  await page.setViewportSize(SIZES.phone.viewport);
  await page.goto(project);
  await page.getByRole("button", { name: "Menu" }).click();
  await look(page, "demo-menu", ["phone"]);
  await visit(page, project, "demo-project");
  await visit(page, `${project}/usage`, "demo-project-usage");
  await visit(page, `${project}/try`, "demo-try");
  await send(page, "Send", { Model: "auto/chat", Message: "Which way is it to the river?" });
  await page.getByRole("heading", { name: "Who could answer, in order" }).waitFor();
  await look(page, "demo-try-answered");
  await visit(page, `${project}/keys`, "demo-keys");
  await visit(page, `${project}/rules`, "demo-project-rules");
  await visit(page, `${project}/masking`, "demo-project-masking");
  await visit(page, `${project}/batches`, "demo-project-batches");
  await send(page, "Let this project store batches", {});
  await look(page, "demo-project-batches-none");
  await follow(page, `${project}/batches`, /\/batches\/off$/, "demo-project-batches-off");
  await visit(page, `${project}/budgets`, "demo-project-budgets");
  await follow(page, `${base}/usage`, /\/usage\/req_/, "demo-receipt");
  await visit(page, `${base}/usage?model=no-such-model`, "demo-usage-filtered");
  await visit(page, `${base}/audit?action=key.create`, "demo-audit-filtered");
  await page.locator("main details summary").first().click();
  await look(page, "demo-audit-details");
  await visit(page, `${base}/audit?action=invitation.revoke`, "demo-audit-nothing");
  await follow(page, `${base}/providers`, /\/providers\/pvd_[^/]+$/, "demo-provider");
  await follow(page, `${base}/providers`, /\/remove$/, "demo-provider-remove");
  await visit(page, `${base}/providers/new`, "demo-provider-choose");
  await visit(page, `${base}/providers/new?catalog=openai`, "demo-provider-openai");
  await visit(page, `${base}/webhooks`, false);
  // The box below it speaks of an address as well.
  await page.getByLabel("Name", { exact: true }).fill("chat");
  await page.getByLabel("Address", { exact: true }).fill("https://hooks.example/");
  await page.getByRole("button", { name: "Add webhook" }).click();
  await page.waitForLoadState();
  await look(page, "demo-webhook-created");
  await follow(page, `${base}/webhooks`, /\/webhooks\/whk_[^/]+\/remove$/, "demo-webhook-remove");
  await visit(page, `${base}/sign-on`, false);
  await page.getByText("Another provider", { exact: true }).click();
  await page.getByLabel("Name", { exact: true }).fill("Northwind account");
  await page.getByLabel("Issuer").fill("https://id.northwind.example");
  await page.getByLabel("Client id").fill("probity");
  await page.getByLabel("Client secret").fill("hush-hush");
  await page.getByRole("button", { name: "Add connection" }).click();
  await page.getByRole("heading", { level: 1, name: "Northwind account" }).waitFor();
  await look(page, "demo-connection");
  const connection = new URL(page.url()).pathname.split("/").at(-1);
  await follow(page, `${base}/sign-on`, /\/sign-on\/con_[^/]+$/, false);
  await follow(page, page.url(), /\/remove$/, "demo-connection-remove");
  await visit(page, "/sign-in/sso", "sso");
  await visit(page, `/sign-in/sso?organization=${base.split("/").at(-1)}`, "sso-offers");
  await visit(page, `/sign-in/sso/${connection}`, "sso-one");
  await visit(page, `/sign-in/sso/${connection}/callback`, "sso-refused", 401);
  await visit(page, "/safe", "demo-safe");
  await visit(page, "/account", "demo-account");
  await visit(page, "/no-such-page", "not-found", 404);
  assert.deepEqual(problems, []);
  await context.close();
});

test("an owner manages people and admin keys", async () => {
  const { context, problems } = await open(browser, DEMO_URL);
  const page = await context.newPage();
  await signIn(page, member("owner"));
  await follow(page, `${base}/members`, /\/members\/usr_[^/]+$/, "demo-member");
  await follow(page, page.url(), /\/remove$/, "demo-member-remove");
  await send(page, "Remove member", { "to confirm": "somebody else" });
  await look(page, "demo-member-remove-wrong");
  await visit(page, `${base}/members/invite`, "demo-invite");
  await send(page, "Create invitation", { "E-mail": "nobody" });
  await look(page, "demo-invite-wrong");
  await send(page, "Create invitation", { "E-mail": "jo@northwind.example" });
  const link = (await page.locator("#link").textContent()).trim();
  await look(page, "demo-invited");
  await visit(page, `${base}/members`, "demo-members-invited");
  await visit(page, `${base}/settings/admin-keys/new`, "demo-admin-key-new");
  await send(page, "Create key", { Name: "Terraform" });
  await page.locator("#key").waitFor();
  await page.evaluate(() => document.getElementById("key").replaceChildren("pbk_the-key-is-shown-here-once"));
  await look(page, "demo-admin-key-created");
  await follow(page, `${base}/settings`, /\/revoke$/, "demo-admin-key-revoke");
  assert.deepEqual(problems, []);
  await context.close();

  // Whom it is for opens it without an account, and chooses a password that is too short.
  const guest = await open(browser, DEMO_URL);
  const invited = await guest.context.newPage();
  await visit(invited, link, "demo-invitation");
  await send(invited, "Create account and join", { "Your name": "Jo", "Choose a password": "short" });
  await look(invited, "demo-invitation-wrong");
  assert.equal(await invited.locator("#name").inputValue(), "Jo");
  await visit(invited, "/no-such-page", "not-found-signed-out", 404);
  await visit(invited, "/invitations/no-such-invitation", "invitation-unknown", 404);
  await visit(invited, base, "sign-in-needed", 401);
  assert.deepEqual(guest.problems, []);
  await guest.context.close();
});

test("a member sees their projects and is told what they may not see", async () => {
  const { context, problems } = await open(browser, DEMO_URL);
  const page = await context.newPage();
  await signIn(page, member("member"));
  await visit(page, base, "demo-overview-member");
  await visit(page, `${base}/audit`, "forbidden", 403);
  assert.deepEqual(problems, []);
  await context.close();
});
