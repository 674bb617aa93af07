// The official OpenAI SDK for Node against all families of providers.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { PROVIDERS, all, openai, user } from "./facts.mjs";

const client = openai();
const tool = (name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: { text: { type: "string" } } } },
});

for (const provider of PROVIDERS) {
  const model = (name) => `${provider}/sandbox-${name}`;

  test(`${provider}: an answer with usage`, async () => {
    const answer = await client.chat.completions.create({ model: model("echo"), messages: user("three small words") });
    assert.equal(answer.choices[0].message.content, "three small words");
    assert.equal(answer.usage.completion_tokens, 3);
  });

  test(`${provider}: a stream with usage in its last chunk`, async () => {
    const chunks = await all(
      await client.chat.completions.create({
        model: model("echo"),
        messages: user("words that flow"),
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    assert.equal(text, "words that flow");
    assert.equal(chunks.at(-1).usage.completion_tokens, 3);
  });

  test(`${provider}: the SDK's own helper assembles parallel tool calls`, async () => {
    const stream = client.chat.completions.stream({
      model: model("parallel-tools"),
      messages: user("both"),
      tools: [tool("look_up"), tool("write_down")],
    });
    const calls = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
    assert.deepEqual(
      calls.map((call) => [call.function.name, JSON.parse(call.function.arguments).at]),
      [["look_up", 0], ["write_down", 1]],
    );
  });

  test(`${provider}: a JSON schema is kept`, async () => {
    const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false };
    const answer = await client.chat.completions.create({
      model: model("json-schema"),
      messages: user("yes or no"),
      response_format: { type: "json_schema", json_schema: { name: "verdict", strict: true, schema } },
    });
    assert.equal(typeof JSON.parse(answer.choices[0].message.content).ok, "boolean");
  });

  for (const [name, kind] of [
    ["error-400", OpenAI.BadRequestError],
    ["error-429", OpenAI.RateLimitError],
    ["error-500", OpenAI.InternalServerError],
    ["error-529", OpenAI.InternalServerError],
  ]) {
    test(`${provider}: ${name} is the SDK's own exception and repeats no prompt`, async () => {
      const error = await client.chat.completions
        .create({ model: model(name), messages: user("secret prompt words") })
        .catch((caught) => caught);
      assert.ok(error instanceof kind, String(error));
      assert.ok(!String(error).includes("secret prompt words"));
    });
  }

  for (const name of ["cut", "reset", "malformed-sse", "error-mid-stream"]) {
    test(`${provider}: a stream that breaks (${name}) raises`, async () => {
      const stream = await client.chat.completions.create({
        model: model(name),
        messages: user("break in the middle please now"),
        stream: true,
      });
      await assert.rejects(all(stream));
    });
  }
}

test("a wrong key and an unknown model have their own exceptions", async () => {
  const request = { model: "sandbox-echo", messages: user("x") };
  const wrong = openai({ apiKey: `pbk_${"0".repeat(10)}_${"0".repeat(49)}` });
  await assert.rejects(wrong.chat.completions.create(request), OpenAI.AuthenticationError);
  await assert.rejects(client.chat.completions.create({ ...request, model: "none" }), OpenAI.NotFoundError);
});

test("a client that leaves is not an error for the next one", async () => {
  const stream = await client.chat.completions.create({ model: "sandbox-slow", messages: user("leave"), stream: true });
  for await (const _ of stream) break;
  stream.controller.abort();
  const answer = await client.chat.completions.create({ model: "sandbox-echo", messages: user("still here") });
  assert.equal(answer.choices[0].message.content, "still here");
});
