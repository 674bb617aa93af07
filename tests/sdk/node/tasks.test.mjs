// The official OpenAI SDK for Node: what is no conversation.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";
import { all, openai } from "./facts.mjs";

const client = openai();

test("embeddings are decoded by the SDK", async () => {
  const answer = await client.embeddings.create({ model: "sandbox-embed", input: ["a b", "c"] });
  assert.equal(answer.data[1].embedding.length, 384);
  assert.equal(typeof answer.data[0].embedding[0], "number");
  assert.equal(answer.usage.prompt_tokens, 3);
});

test("images are made and changed", async () => {
  const made = await client.images.generate({ model: "sandbox-draw", prompt: "a giraffe" });
  const image = Buffer.from(made.data[0].b64_json, "base64");
  assert.equal(image.subarray(1, 4).toString(), "PNG");
  const file = await toFile(image, "giraffe.png", { type: "image/png" });
  const changed = await client.images.edit({ model: "sandbox-draw", prompt: "taller", image: file });
  assert.ok(changed.data[0].b64_json);
});

test("speech is heard again", async () => {
  const spoken = await client.audio.speech.create({
    model: "sandbox-speech",
    voice: "alloy",
    input: "a giraffe",
    response_format: "wav",
  });
  const sound = Buffer.from(await spoken.arrayBuffer());
  assert.equal(sound.subarray(0, 4).toString(), "RIFF");
  const file = await toFile(sound, "giraffe.wav", { type: "audio/wav" });
  const heard = await client.audio.transcriptions.create({ model: "sandbox-transcribe", file });
  assert.equal(heard.text, `a recording of ${sound.length} bytes`);
  const events = await all(
    await client.audio.transcriptions.create({ model: "sandbox-transcribe", file, stream: true }),
  );
  assert.equal(events.at(-1).type, "transcript.text.done");
});

test("moderation says what it found", async () => {
  const answer = await client.moderations.create({ model: "sandbox-moderation", input: "violence" });
  assert.equal(answer.results[0].flagged, true);
});

test("a provider's error is the SDK's own", async () => {
  await assert.rejects(
    client.embeddings.create({ model: "sandbox-openai/sandbox-error-429", input: "secret words" }),
    (error) => error instanceof OpenAI.RateLimitError && !error.message.includes("secret words"),
  );
});
