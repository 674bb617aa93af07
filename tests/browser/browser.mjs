// A Chromium of the distribution, driven without any traffic of its own.

import { mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How a page is looked at. */
export const SIZES = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
};

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--disk-cache-dir=${mkdtempSync(path.join(tmpdir(), "chromium-"))}`,
    ],
  });
}

/** A context that fails the test on a blocked script, a console error or a request to another host. */
export async function open(browser, baseURL, options = {}) {
  const context = await browser.newContext({ baseURL, bypassCSP: false, ...SIZES.light, ...options });
  const problems = [];
  context.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && !["127.0.0.1", "localhost"].includes(hostname)) {
      problems.push(`a request to ${hostname}`);
    }
  });
  context.on("console", (message) => {
    const expected = /status of (400|401|403|404|409|422)/.test(message.text());
    if (message.type() === "error" && !expected) problems.push(message.text());
  });
  context.on("weberror", (error) => problems.push(String(error.error())));
  return { context, problems };
}

/** Screenshots in light, dark and at phone width; axe in each; nothing may be wider than the window. */
export async function inspect(page, name, artefacts, sizes = Object.keys(SIZES)) {
  const found = [];
  for (const size of sizes) {
    const { colorScheme, viewport } = SIZES[size];
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await page.evaluate(settled);
    const wide = await page.evaluate(tooWide);
    if (wide) found.push(`${name} (${size}): ${wide}`);
    await page.screenshot({ path: path.join(artefacts, `${name}-${size}.png`), fullPage: true });
    found.push(...(await violations(page)).map((text) => `${name} (${size}): ${text}`));
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(SIZES.light.viewport);
  return found;
}

/** Colours that fade into each other have arrived, and parts that were not rendered yet know their size. */
async function settled() {
  for (const animation of document.getAnimations()) animation.finish();
  for (let frame = 0; frame < 3; frame += 1) {
    // A window in which nothing changes may be given no frame at all.
    await new Promise((resolve) => { requestAnimationFrame(resolve); setTimeout(resolve, 200); });
  }
}

/** By how much the page scrolls sideways, and what makes it; empty when it does not. */
function tooWide() {
  const root = document.documentElement;
  const excess = root.scrollWidth - window.innerWidth;
  if (excess <= 1) return "";
  const beyond = (element) => element.getBoundingClientRect().right > window.innerWidth + 1;
  const names = [...document.querySelectorAll("body *")]
    .filter((element) => beyond(element) && ![...element.children].some(beyond))
    .map((element) => `${element.tagName.toLowerCase()}.${element.className} “${element.textContent.trim().slice(0, 30)}”`);
  return `${excess} px too wide: ${names.slice(0, 3).join(", ")}`;
}

/** axe runs in the page's main world through the debugger, which the page's policy does not govern. */
async function violations(page) {
  await page.evaluate(axe);
  const report = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return report.violations.map(
    ({ id, help, nodes }) => `${id}: ${help} (${nodes.slice(0, 3).map((node) => node.target.join(" ")).join("; ")})`,
  );
}
