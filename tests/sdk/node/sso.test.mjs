// oidc-provider, which is certified, as somebody's identity provider; and forms as a browser without scripts sends them.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { Provider } from "oidc-provider";
import { facts } from "./facts.mjs";

const organization = facts.organizations[0];
const person = organization.users.find((user) => user.role === "member");
const admin = { authorization: `Bearer ${organization.admin_key}`, "content-type": "application/json" };

/** Keeps cookies by host, and follows no redirect by itself. */
class Browser {
  constructor() {
    this.jars = new Map();
  }

  async send(address, init = {}) {
    const url = new URL(address, facts.base_url);
    const jar = this.jars.get(url.host) ?? new Map();
    this.jars.set(url.host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { cookie, ...init.headers };
    const answer = await fetch(url, { redirect: "manual", ...init, headers });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...rest] = line.split("; ");
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      const over = rest.some((part) => /^max-age=0$/i.test(part) || /^expires=Thu, 01 Jan 1970/i.test(part));
      if (over) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }

  post(address, fields = {}) {
    return this.send(address, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { "sec-fetch-site": "same-origin" },
    });
  }

  /** Signs in at the identity provider as `login`; gives the address that leads back. */
  async elsewhere(start, login) {
    let answer = await this.send(start);
    for (let step = 0; step < 10; step += 1) {
      const location = answer.headers.get("location");
      assert.ok(location, `${answer.status}: ${answer.ok ? "" : await answer.text()}`);
      const next = new URL(location, answer.url);
      if (next.host === new URL(facts.base_url).host) return next;
      answer = await this.send(next);
      if (answer.status === 200) {
        const page = await answer.text();
        const prompt = page.match(/name="prompt" value="(\w+)"/)[1];
        answer = await this.post(next, { prompt, login, password: "whatever" });
      }
    }
    throw new Error("the identity provider leads nowhere");
  }
}

/** Where a form leads: this server's page before the identity provider's. */
async function leaves(answer) {
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.headers.get("refresh").replace("0; url=", "");
}

async function api(method, path, body) {
  const answer = await fetch(`${facts.base_url}${path}`, { method, headers: admin, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.status === 204 ? null : answer.json();
}

for (const method of ["client_secret_basic", "client_secret_post"]) {
  test(`somebody links their account and signs in with a certified provider, by ${method}`, async (t) => {
    const server = http.createServer();
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const client = { client_id: `probity-${method}`, client_secret: "a secret of thirty-two letters!!!" };
    const secret = client.client_secret.replaceAll(" ", "-");
    const connection = await api("POST", "/api/v1/connections", {
      kind: "oidc", name: `Door ${method}`, issuer, client_id: client.client_id, client_secret: secret, allow_private: true,
    });
    const provider = new Provider(issuer, {
      clients: [{
        client_id: client.client_id,
        client_secret: secret,
        redirect_uris: [connection.redirect_uri],
        token_endpoint_auth_method: method,
      }],
      clientAuthMethods: [method],
      pkce: { required: () => true },
      cookies: { keys: ["for this test only"] },
    });
    server.on("request", provider.callback());
    const tested = await api("POST", `/api/v1/connections/${connection.id}/test`);
    assert.deepEqual(tested, { passed: true, code: null, says: null });

    // Nobody is found by what the provider calls them, be it their address.
    const start = `/sign-in/sso/${connection.id}`;
    const stranger = new Browser();
    let back = await stranger.elsewhere(await leaves(await stranger.post(start)), person.email);
    let answer = await stranger.send(back);
    assert.equal(answer.status, 401);
    assert.match(await answer.text(), /sso_unknown/);

    const browser = new Browser();
    await browser.post("/sign-in", { email: person.email, password: person.password });
    const link = await browser.post(`/account/identities/${connection.id}/link`, { link_password: person.password });
    back = await browser.elsewhere(await leaves(link), "ada");
    answer = await browser.send(back);
    assert.equal(answer.headers.get("location"), "/account?done=identity-linked", await answer.text());

    const again = new Browser();
    back = await again.elsewhere(await leaves(await again.post(start, { next: "/account" })), "ada");
    assert.equal(back.searchParams.get("iss"), issuer);
    answer = await again.send(back);
    assert.equal(answer.headers.get("location"), "/account", await answer.text());
    assert.match(await (await again.send("/account")).text(), new RegExp(person.email));
    assert.match(await (await again.send(back)).text(), /sso_over/, "the same way back counts once");

    await api("DELETE", `/api/v1/connections/${connection.id}`);
    assert.equal((await again.send("/account")).status, 401, "what the connection opened is over");
  });
}
