// The official OpenAI SDK for Node: sessions, as servers hold them and as browsers would.

import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import WebSocket from "ws";
import { openai } from "./facts.mjs";

const TEXT = "purple giraffe whispers";
const model = "sandbox-openai/sandbox-echo";

/** Asks once the session has begun, and gives every event up to the end of the answer. */
function answered(session) {
  return new Promise((resolve, reject) => {
    const events = [];
    session.on("error", reject);
    session.on("event", (event) => {
      events.push(event);
      if (event.type === "session.created") {
        session.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
        const content = [{ type: "input_text", text: TEXT }];
        session.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
        session.send({ type: "response.create" });
      }
      if (event.type === "response.done") {
        session.close();
        resolve(events);
      }
    });
  });
}

function check(events) {
  const pieces = events.filter((event) => event.type === "response.output_text.delta");
  assert.equal(pieces.map((event) => event.delta).join(""), TEXT);
  assert.equal(events.at(-1).response.usage.output_tokens, 3);
}

// The SDK speaks TLS only. Here it ends in front of the server, as with a proxy, so what goes over the line is in the clear.
const createConnection = ({ host, port }) => net.connect({ host, port });
class Plain extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { createConnection });
  }
}

test("a server holds a session", async () => {
  check(await answered(new OpenAIRealtimeWS({ model, options: { createConnection } }, openai())));
});

test("a browser's key stands among its protocols", async () => {
  globalThis.WebSocket = Plain;
  const client = openai({ dangerouslyAllowBrowser: true });
  check(await answered(new OpenAIRealtimeWebSocket({ model, dangerouslyAllowBrowser: true }, client)));
});
