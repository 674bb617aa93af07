// The official Anthropic SDK for Node against all families of providers.

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { PROVIDERS, anthropic, user } from "./facts.mjs";

const client = anthropic();
const tool = (name) => ({ name, input_schema: { type: "object", properties: { text: { type: "string" } } } });
const text = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

for (const provider of PROVIDERS) {
  const model = (name) => `${provider}/sandbox-${name}`;

  test(`${provider}: an answer with usage`, async () => {
    const message = await client.messages.create({ model: model("echo"), max_tokens: 64, messages: user("three small words") });
    assert.equal(text(message), "three small words");
    assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [3, 3]);
  });

  test(`${provider}: the SDK's own helper assembles a stream`, async () => {
    const stream = client.messages.stream({ model: model("echo"), max_tokens: 64, messages: user("words that flow") });
    const heard = [];
    stream.on("text", (piece) => heard.push(piece));
    const message = await stream.finalMessage();
    assert.equal(heard.join(""), "words that flow");
    assert.equal(message.stop_reason, "end_turn");
    assert.equal(message.usage.output_tokens, 3);
  });

  test(`${provider}: parallel tool calls arrive whole`, async () => {
    const message = await client.messages
      .stream({
        model: model("parallel-tools"),
        max_tokens: 256,
        messages: user("both"),
        tools: [tool("look_up"), tool("write_down")],
      })
      .finalMessage();
    const calls = message.content.filter((block) => block.type === "tool_use");
    assert.deepEqual(calls.map((call) => [call.name, call.input.at]), [["look_up", 0], ["write_down", 1]]);
  });

  test(`${provider}: thinking survives two turns`, async () => {
    const request = {
      model: model("thinking"),
      max_tokens: 4096,
      thinking: { type: "enabled", budget_tokens: 1024 },
    };
    const first = await client.messages.stream({ ...request, messages: user("think") }).finalMessage();
    assert.equal(first.content[0].type, "thinking");
    const second = await client.messages.create({
      ...request,
      messages: [...user("think"), { role: "assistant", content: first.content }, ...user("again")],
    });
    assert.match(text(second), /^verified/);
  });

  for (const [name, kind] of [
    ["error-400", Anthropic.BadRequestError],
    ["error-429", Anthropic.RateLimitError],
    ["error-500", Anthropic.InternalServerError],
    ["error-529", Anthropic.InternalServerError],
  ]) {
    test(`${provider}: ${name} is the SDK's own exception and repeats no prompt`, async () => {
      const error = await client.messages
        .create({ model: model(name), max_tokens: 64, messages: user("secret prompt words") })
        .catch((caught) => caught);
      assert.ok(error instanceof kind, String(error));
      assert.ok(!String(error).includes("secret prompt words"));
    });
  }

  for (const name of ["cut", "reset", "malformed-sse", "error-mid-stream"]) {
    test(`${provider}: a stream that breaks (${name}) raises`, async () => {
      const stream = client.messages.stream({ model: model(name), max_tokens: 64, messages: user("break in the middle please now") });
      await assert.rejects(stream.finalMessage());
    });
  }
}

test("a wrong key and an unknown model have their own exceptions", async () => {
  const request = { model: "sandbox-echo", max_tokens: 64, messages: user("x") };
  const wrong = anthropic({ apiKey: `pbk_${"0".repeat(10)}_${"0".repeat(49)}` });
  await assert.rejects(wrong.messages.create(request), Anthropic.AuthenticationError);
  await assert.rejects(client.messages.create({ ...request, model: "none" }), Anthropic.NotFoundError);
});
