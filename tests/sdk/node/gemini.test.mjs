// The official Google GenAI SDK for Node against all families of providers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, FunctionCallingConfigMode } from "@google/genai";
import { PROVIDERS, all, gemini } from "./facts.mjs";

const { models, chats } = gemini();
const tool = (name) => ({ name, parametersJsonSchema: { type: "object", properties: { text: { type: "string" } } } });
const user = (...parts) => ({ role: "user", parts });
const partsOf = (answers) => answers.flatMap((answer) => answer.candidates[0].content.parts ?? []);
const calls = (parts) => parts.flatMap((part) => (part.functionCall ? [part.functionCall] : []));
const result = ({ id, name }, output) => ({ functionResponse: { id, name, response: { output } } });
const words = (parts) => parts.filter((part) => !part.thought).map((part) => part.text ?? "").join("");

async function ask(stream, request) {
  return stream ? all(await models.generateContentStream(request)) : [await models.generateContent(request)];
}

for (const provider of PROVIDERS) {
  const model = (name) => `${provider}/sandbox-${name}`;

  for (const stream of [false, true]) {
    test(`${provider}: an answer with usage (stream: ${stream})`, async () => {
      const answers = await ask(stream, { model: model("echo"), contents: "three small words" });
      assert.equal(words(partsOf(answers)), "three small words");
      const last = answers.at(-1);
      assert.equal(last.candidates[0].finishReason, "STOP");
      const { promptTokenCount, candidatesTokenCount, totalTokenCount } = last.usageMetadata;
      assert.deepEqual([promptTokenCount, candidatesTokenCount, totalTokenCount], [3, 3, 6]);
      assert.equal(last.modelVersion, model("echo"));
    });

    test(`${provider}: parallel calls and their results (stream: ${stream})`, async () => {
      const config = { tools: [{ functionDeclarations: [tool("look_up"), tool("write_down")] }] };
      const request = { model: model("parallel-tools"), config };
      const first = partsOf(await ask(stream, { ...request, contents: [user({ text: "both" })] }));
      assert.deepEqual(calls(first).map((call) => [call.name, call.args.at]), [["look_up", 0], ["write_down", 1]]);
      const results = calls(first).map((call, at) => result(call, `result ${at}`));
      const contents = [user({ text: "both" }), { role: "model", parts: first }, user(...results)];
      assert.equal(words(partsOf(await ask(stream, { ...request, contents }))), "result 0 result 1");
    });
  }

  test(`${provider}: a named tool is forced`, async () => {
    const functionCallingConfig = { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ["write_down"] };
    const config = { tools: [{ functionDeclarations: [tool("look_up"), tool("write_down")] }], toolConfig: { functionCallingConfig } };
    const answer = await models.generateContent({ model: model("echo"), contents: "now", config });
    assert.deepEqual(answer.functionCalls.map((call) => call.name), ["write_down"]);
  });

  test(`${provider}: a chat goes on`, async () => {
    const chat = chats.create({ model: model("echo") });
    assert.equal((await chat.sendMessage({ message: "first words" })).text, "first words");
    assert.equal(words(partsOf(await all(await chat.sendMessageStream({ message: "second words" })))), "second words");
  });

  for (const [name, status] of [["error-400", 400], ["error-429", 429], ["error-500", 500]]) {
    test(`${provider}: ${name} is the SDK's own error`, async () => {
      const error = await models.generateContent({ model: model(name), contents: "secret prompt words" }).catch((error) => error);
      assert.ok(error instanceof ApiError, String(error));
      assert.equal(error.status, status);
      assert.ok(!error.message.includes("secret prompt words"));
    });
  }

  test(`${provider}: a broken stream throws`, async () => {
    await assert.rejects(async () => all(await models.generateContentStream({ model: model("cut"), contents: "break here please now" })));
  });
}

for (const provider of ["sandbox-anthropic", "sandbox-gemini"]) {
  for (const stream of [false, true]) {
    test(`${provider}: signatures survive two turns (stream: ${stream})`, async () => {
      const config = {
        tools: [{ functionDeclarations: [tool("look_up")] }],
        thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 },
        maxOutputTokens: 4096,
      };
      const request = { model: `${provider}/sandbox-thinking`, config };
      const first = partsOf(await ask(stream, { ...request, contents: [user({ text: "think" })] }));
      assert.ok(first.some((part) => part.thoughtSignature));
      const contents = [user({ text: "think" }), { role: "model", parts: first }, user(result(calls(first)[0], "found"))];
      assert.equal(words(partsOf(await ask(stream, { ...request, contents }))), "verified 1 found");
    });
  }
}
