import { readFileSync } from "node:fs";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

export const facts = JSON.parse(readFileSync(process.env.PROBITY_DEMO_JSON, "utf8"));
const apiKey = facts.organizations[0].projects[0].api_key;

export const openai = (options = {}) =>
  new OpenAI({ baseURL: facts.openai_base_url, apiKey, maxRetries: 0, timeout: 30_000, ...options });
export const anthropic = (options = {}) =>
  new Anthropic({ baseURL: facts.anthropic_base_url, apiKey, maxRetries: 0, timeout: 30_000, ...options });

export const gemini = () =>
  new GoogleGenAI({ apiKey, httpOptions: { baseUrl: facts.base_url, timeout: 30_000 } });

/** The same twin behind each outbound format: together with the SDKs' four formats, sixteen paths. */
export const PROVIDERS = ["sandbox-openai", "sandbox-anthropic", "sandbox-responses", "sandbox-gemini"];

export const user = (content) => [{ role: "user", content }];

export async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}
