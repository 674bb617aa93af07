// The official OpenAI SDK for Node: files and batches.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { toFile } from "openai";
import { all, facts, openai } from "./facts.mjs";

const client = openai();
const organization = facts.organizations[0];

test("a batch is worked through and its results are read", async () => {
  const path = `/api/v1/projects/${organization.projects[0].id}/content-storage`;
  const allowed = await fetch(facts.base_url + path, {
    method: "PUT",
    headers: { authorization: `Bearer ${organization.admin_key}`, "content-type": "application/json" },
    body: JSON.stringify({ allowed: true }),
  });
  assert.equal(allowed.status, 200);
  const line = (number) =>
    JSON.stringify({
      custom_id: `line-${number}`,
      method: "POST",
      url: "/v1/embeddings",
      body: { model: "sandbox-embed", input: `giraffe ${number}` },
    });
  const content = Buffer.from([line(1), line(2)].join("\n"));
  const file = await client.files.create({ file: await toFile(content, "g.jsonl"), purpose: "batch" });
  assert.equal(file.filename, "g.jsonl");
  let batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/embeddings",
    completion_window: "24h",
    output_expires_after: { anchor: "created_at", seconds: 3600 },
  });
  for (let turn = 0; turn < 400 && batch.status !== "completed"; turn += 1) {
    await pause(25);
    batch = await client.batches.retrieve(batch.id);
  }
  assert.deepEqual(batch.request_counts, { total: 2, completed: 2, failed: 0 });
  const answers = (await (await client.files.content(batch.output_file_id)).text()).trim().split("\n");
  assert.equal(JSON.parse(answers[1]).response.body.data[0].embedding.length, 384);
  const listed = await all(client.files.list({ limit: 1 }));
  assert.ok(listed.some((one) => one.id === batch.output_file_id && one.purpose === "batch_output"));
  assert.equal((await client.files.delete(file.id)).deleted, true);
  await assert.rejects(client.files.retrieve(file.id), { status: 404 });
});
