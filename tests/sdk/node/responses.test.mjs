// The official OpenAI SDK's Responses for Node against all families of providers.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { PROVIDERS, all, openai, user } from "./facts.mjs";

const client = openai();
const tool = (name) => ({
  type: "function",
  name,
  parameters: { type: "object", properties: { text: { type: "string" } } },
  strict: false,
});
const calls = (response) => response.output.filter((item) => item.type === "function_call");
const output = (call, text) => ({ type: "function_call_output", call_id: call.call_id, output: text });
const reasoning = { reasoning: { effort: "low", summary: "auto" }, include: ["reasoning.encrypted_content"] };
const counts = ({ input_tokens, output_tokens, total_tokens }) => [input_tokens, output_tokens, total_tokens];

for (const provider of PROVIDERS) {
  const model = (name) => `${provider}/sandbox-${name}`;

  test(`${provider}: a response with usage`, async () => {
    const answer = await client.responses.create({ model: model("echo"), input: "three small words" });
    assert.equal(answer.output_text, "three small words");
    assert.equal(answer.status, "completed");
    assert.deepEqual(counts(answer.usage), [3, 3, 6]);
  });

  test(`${provider}: typed events in order`, async () => {
    const events = await all(await client.responses.create({ model: model("echo"), input: "words that flow", stream: true }));
    assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    assert.equal(deltas.map((event) => event.delta).join(""), "words that flow");
    const last = events.at(-1);
    assert.equal(last.type, "response.completed");
    assert.equal(last.response.output[0].id, deltas[0].item_id);
    assert.deepEqual(counts(last.response.usage), [3, 3, 6]);
  });

  test(`${provider}: the SDK's own helper assembles parallel calls, and takes their results`, async () => {
    const request = { model: model("parallel-tools"), tools: [tool("look_up"), tool("write_down")] };
    const first = await client.responses.stream({ ...request, input: user("both") }).finalResponse();
    assert.deepEqual(
      calls(first).map((call) => [call.name, JSON.parse(call.arguments).at]),
      [["look_up", 0], ["write_down", 1]],
    );
    const outputs = calls(first).map((call, at) => output(call, `result ${at}`));
    const second = await client.responses.create({ ...request, input: [...user("both"), ...first.output, ...outputs] });
    assert.equal(second.output_text, "result 0 result 1");
  });

  test(`${provider}: a JSON schema is kept and parsed`, async () => {
    const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false };
    const answer = await client.responses.parse({
      model: model("json-schema"),
      input: "yes or no",
      text: { format: { type: "json_schema", name: "verdict", strict: true, schema } },
    });
    assert.equal(typeof JSON.parse(answer.output_text).ok, "boolean");
  });

  for (const stream of [false, true]) {
    test(`${provider}: reasoning survives two turns (stream: ${stream})`, async () => {
      const ask = (input) => {
        const request = { model: model("thinking"), tools: [tool("look_up")], ...reasoning, input };
        return stream ? client.responses.stream(request).finalResponse() : client.responses.create(request);
      };
      const first = await ask(user("think"));
      assert.equal(first.output[0].type, "reasoning");
      assert.ok(first.output[0].encrypted_content);
      const second = await ask([...user("think"), ...first.output, output(calls(first)[0], "found")]);
      assert.equal(second.output_text, "verified 1 found");
    });
  }

  for (const [name, value] of [["previous_response_id", "resp_1"], ["store", true]]) {
    test(`${provider}: ${name} is refused with a reason`, async () => {
      const error = await client.responses
        .create({ model: model("echo"), input: "and then", [name]: value })
        .catch((caught) => caught);
      assert.ok(error instanceof OpenAI.BadRequestError, String(error));
      assert.equal(error.param, name);
      assert.match(String(error), /Nothing is stored here/);
    });
  }

  for (const [name, kind] of [
    ["error-400", OpenAI.BadRequestError],
    ["error-429", OpenAI.RateLimitError],
    ["error-500", OpenAI.InternalServerError],
    ["error-529", OpenAI.InternalServerError],
  ]) {
    test(`${provider}: ${name} is the SDK's own exception and repeats no prompt`, async () => {
      const error = await client.responses
        .create({ model: model(name), input: "secret prompt words" })
        .catch((caught) => caught);
      assert.ok(error instanceof kind, String(error));
      assert.ok(!String(error).includes("secret prompt words"));
    });
  }

  for (const name of ["cut", "reset", "malformed-sse", "error-mid-stream"]) {
    test(`${provider}: a stream that breaks (${name}) is no answer`, async () => {
      const request = { model: model(name), input: "break in the middle please now" };
      const events = await client.responses.create({ ...request, stream: true }).then(all).catch((caught) => caught);
      const broken = events instanceof OpenAI.APIError || events instanceof SyntaxError || events instanceof TypeError;
      assert.ok(broken || ["error", "response.failed"].includes(events.at(-1).type), String(events));
      await assert.rejects(client.responses.stream(request).finalResponse());
    });
  }

  test(`${provider}: a failure inside a 200 is an error`, async () => {
    for (const stream of [false, true]) {
      const asked = client.responses.create({ model: model("error-in-200"), input: "x", stream });
      await assert.rejects(asked, OpenAI.APIError);
    }
  });
}

test("a wrong key and an unknown model have their own exceptions", async () => {
  const request = { model: "sandbox-echo", input: "x" };
  const wrong = openai({ apiKey: `pbk_${"0".repeat(10)}_${"0".repeat(49)}` });
  await assert.rejects(wrong.responses.create(request), OpenAI.AuthenticationError);
  await assert.rejects(client.responses.create({ ...request, model: "none" }), OpenAI.NotFoundError);
});
