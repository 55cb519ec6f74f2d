// Playwright's side of the browser's benchmark: one JSON command a line comes in, one JSON answer a line goes out. What is
// timed is Playwright's own calls alone, on this process's clock.
//
// node playwright.mjs <folder with node_modules> <browser program>

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";

const [folder, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(join(folder, "x.js"))("playwright-core");
const launch = () => chromium.launch({ executablePath, headless: true });

let browser;
let pages = [];

/** So many pages, each in a context of its own. */
async function open(count) {
  while (pages.length < count) pages.push(await (await browser.newContext()).newPage());
  return pages.slice(0, count);
}

const commands = {
  async cold({ url }) {
    if (browser) await browser.close();
    const begun = performance.now();
    browser = await launch();
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    pages = [page];
    return { ms: performance.now() - begun };
  },
  navigate: timed((page, { url }) => page.goto(url)),
  click: timed((page) => page.locator("#go").click()),
  snapshot: timed((page) => page.locator("body").ariaSnapshot()),
  snapshot_ai: timed((page) => page.locator("body").ariaSnapshot({ mode: "ai" })),
  read: timed((page) => page.innerText("body")),
  screenshot: timed((page) => page.screenshot()),
  async batch({ urls, lanes }) {
    const own = await open(lanes);
    const read = [];
    const lane = async (page, i) => {
      for (let at = i; at < urls.length; at += lanes) {
        await page.goto(urls[at]);
        read.push(await page.innerText("body"));
      }
    };
    const begun = performance.now();
    await Promise.all(own.map(lane));
    return { ms: performance.now() - begun, text: read.join("\n") };
  },
  async end() {
    if (browser) await browser.close();
    return { ms: 0 };
  },
};

function timed(run) {
  return async (asked) => {
    const begun = performance.now();
    const done = await run(pages[0], asked);
    const ms = performance.now() - begun;
    return { ms, text: typeof done === "string" ? done : "", bytes: done?.length };
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = await commands[asked.op](asked);
  } catch (wrong) {
    answer = { error: String(wrong) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
  if (asked.op === "end") break;
}

// Whatever of the browser is still there must not keep this process.
process.exit(0);
