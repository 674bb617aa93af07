// Vercel's AI SDK, by its clients of OpenAI's two formats and of Anthropic's, against providers of their own and of
// another format.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { facts } from "./facts.mjs";

const apiKey = facts.organizations[0].projects[0].api_key;
const openai = createOpenAI({ baseURL: facts.openai_base_url, apiKey });
const anthropic = createAnthropic({ baseURL: facts.openai_base_url, apiKey });
const CLIENTS = { chat: openai.chat, responses: openai.responses, anthropic };

const look_up = tool({
  description: "Looks something up",
  inputSchema: jsonSchema({ type: "object", properties: { text: { type: "string" } } }),
  execute: async () => "forty two",
});

// Nothing is stored here: the SDK has to be told, as for an account without a store.
const providerOptions = { openai: { store: false } };

for (const provider of ["sandbox-openai", "sandbox-anthropic", "sandbox-cohere"]) {
  for (const [name, client] of Object.entries(CLIENTS)) {
    const asked = (model, prompt) => ({ model: client(`${provider}/sandbox-${model}`), prompt, providerOptions, maxRetries: 0, maxOutputTokens: 1024 });

    test(`${provider} by ${name}: an answer with usage`, async () => {
      const answer = await generateText(asked("echo", "four quiet words here"));
      assert.equal(answer.text, "four quiet words here");
      assert.equal(answer.finishReason, "stop");
      assert.deepEqual([answer.usage.inputTokens, answer.usage.outputTokens], [4, 4]);
    });

    test(`${provider} by ${name}: a stream in pieces`, async () => {
      const told = streamText(asked("echo", "a stream of words"));
      const pieces = [];
      for await (const piece of told.textStream) pieces.push(piece);
      assert.deepEqual(pieces, ["a ", "stream ", "of ", "words"]);
      assert.equal((await told.usage).outputTokens, 4);
    });

    for (const stream of [false, true]) {
      test(`${provider} by ${name}: a tool and its result (stream: ${stream})`, async () => {
        const request = { ...asked("tools", "use the tool"), tools: { look_up }, stopWhen: stepCountIs(2) };
        const errors = [];
        const told = stream ? streamText({ ...request, onError: ({ error }) => errors.push(error) }) : await generateText(request);
        const steps = await told.steps;
        assert.deepEqual(errors, []);
        assert.deepEqual(steps[0].toolCalls.map((call) => [call.toolName, call.input]), [["look_up", {}]]);
        assert.equal(await told.text, "forty two");
      });
    }
  }
}
