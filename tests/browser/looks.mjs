// What was looked at, and what was wrong with it. The table of routes says what there is to look at.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import { inspect, launch } from "./browser.mjs";

const { ARTEFACTS } = process.env;
const TABLE = path.resolve(import.meta.dirname, "../../crates/web/tests/web/snapshots");

export const browser = await launch();
after(() => browser.close());

/** What axe and the ruler found, over all pages. */
export const complaints = [];

const names = new Set();
const paths = new Set();

/** Looks at the page as it stands, in every size. */
export async function look(page, name, sizes) {
  if (names.has(name)) throw new Error(`two looks are named ${name}`);
  names.add(name);
  paths.add(new URL(page.url()).pathname);
  complaints.push(...(await inspect(page, name, ARTEFACTS, sizes)));
}

/** Routes that answer with a page, and that nobody looked at. */
export function unseen() {
  return pages().filter((route) => {
    const shape = new RegExp(`^${route.replaceAll(/\{[^}]+\}/g, "(?!new$|invite$)[^/]+")}$`);
    return ![...paths].some((seen) => shape.test(seen));
  });
}

/** The paths of the route table that people open; everything else is for programs. */
function pages() {
  const programs = /^\/(api|v1|\.well-known|healthz|readyz|metrics|trust\/events|trust\/bundle)\b|\.(csv|json|svg)$|\/proof$/;
  return readdirSync(TABLE)
    .filter((name) => name.includes("every_route_stands_in_the_table"))
    .flatMap((name) => readFileSync(path.join(TABLE, name), "utf8").split("\n"))
    .map((line) => /GET +(\/\S*)/.exec(line)?.[1])
    .filter((route) => route && !programs.test(route));
}
