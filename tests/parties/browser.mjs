// Chromium, driven by one JSON command a line on stdin and answered by one line on stdout; it ends when stdin closes.
// Settings: executable; trusted: [base64 SHA-256 of a certificate's public key]. Commands are the keys of `commands`.
// Nothing here sleeps: what is asked for is waited for, and its absence is an error after PATIENCE.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const PATIENCE = 15_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const input = createInterface({ input: process.stdin });
const lines = input[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
const browser = await chromium.launch({
  executablePath: settings.executable,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--ignore-certificate-errors-spki-list=${settings.trusted.join(",")}`,
  ],
});

// At once, even while a command waits: Chromium must not outlive the test.
input.on("close", () => browser.close().finally(() => process.exit(0)));

const tabs = [];
const tab = ({ tab }) => {
  if (!tabs[tab]) throw new Error(`there is no tab ${tab}`);
  return tabs[tab];
};

async function open(context, script) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const wire = await context.newCDPSession(page);
  const opened = { page, context, script, complaints: [], requests: 0, bytes: 0 };
  await wire.send("Network.enable");
  await wire.send("Log.enable");
  wire.on("Network.requestWillBeSent", ({ request }) => request.url.startsWith("data:") || (opened.requests += 1));
  wire.on("Network.loadingFinished", ({ encodedDataLength }) => (opened.bytes += encodedDataLength));
  // Of a portal without an icon Chromium complains when it likes, on whatever page it is by then; our pages name theirs.
  const complain = (text, url) => url?.endsWith("/favicon.ico") || opened.complaints.push(text);
  wire.on("Log.entryAdded", ({ entry }) => entry.level === "error" && complain(entry.text, entry.url));
  page.on("console", (said) => said.type() === "error" && complain(said.text(), said.location().url));
  page.on("pageerror", (error) => opened.complaints.push(error.message));
  return { tab: tabs.push(opened) - 1 };
}

/** Does `deed` and waits for the page it leads to. */
const leaving = (page, deed) =>
  Promise.all([page.waitForNavigation({ waitUntil: "load", timeout: PATIENCE }), deed()]).then(() => null);

/** The one visible control of that name: a person who finds none, or two, is stuck, and so is the test. */
async function one(found, what) {
  const seen = await found.and(found.page().locator(":visible")).all();
  if (seen.length !== 1) throw new Error(`${seen.length} of ${what} on ${found.page().url()}`);
  return seen[0];
}
const field = (page, label) => one(page.getByLabel(label, { exact: true }), `the field labelled "${label}"`);
const named = (page, role, name) => one(page.getByRole(role, { name, exact: true }), `the ${role} "${name}"`);

async function axe(page, script) {
  // Where script is off timers never fire, promises do: axe is the only script there, and its short waits are turns.
  if (!script) {
    await page.evaluate(() => {
      globalThis.setTimeout = (deed, wait = 0) => void (wait < 100 && Promise.resolve().then(deed));
    });
  }
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate(
    (tags) => globalThis.axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] }),
    AXE_TAGS,
  );
  const told = violations.map(({ id, impact, help, nodes }) => ({
    id,
    impact,
    help,
    nodes: nodes.map(({ target, html, failureSummary }) => ({ target: target.join(" "), html, failureSummary })),
  }));
  return { violations: told, passes: passes.length };
}

const commands = {
  /** A new person at a new device: nothing is shared with those opened before. */
  open: async ({ width, height, script, locale, dark, forced_colors }) => {
    const context = await browser.newContext({
      viewport: { width, height },
      javaScriptEnabled: script,
      locale,
      colorScheme: dark ? "dark" : "light",
      forcedColors: forced_colors ? "active" : "none",
    });
    return open(context, script);
  },
  /** A further tab of the same person. */
  beside: async (said) => open(tab(said).context, tab(said).script),
  close: async (said) => {
    const { page, context } = tab(said);
    await page.close();
    tabs[said.tab] = undefined;
    if (!context.pages().length) await context.close();
    return null;
  },
  goto: async (said) => {
    const answer = await tab(said).page.goto(said.url, { waitUntil: "load" });
    return { status: answer?.status() ?? null };
  },
  back: async (said) => void (await tab(said).page.goBack({ waitUntil: "load" })),
  reload: async (said) => void (await tab(said).page.reload({ waitUntil: "load" })),
  fill: async (said) => void (await (await field(tab(said).page, said.label)).fill(said.value)),
  tick: async (said) => void (await (await field(tab(said).page, said.label)).check()),
  press: async (said) => {
    const { page } = tab(said);
    const button = await named(page, "button", said.name);
    return said.stays ? void (await button.click()) : leaving(page, () => button.click());
  },
  follow: async (said) => {
    const { page } = tab(said);
    const link = await named(page, "link", said.name);
    return said.stays ? void (await link.click()) : leaving(page, () => link.click());
  },
  key: async (said) => {
    const { page } = tab(said);
    const deed = () => page.keyboard.press(said.key);
    return said.stays ? void (await deed()) : leaving(page, deed);
  },
  type: async (said) => void (await tab(said).page.keyboard.type(said.text)),
  /** Waits until the tab has come to rest on an address that begins so. */
  arrive: async (said) =>
    void (await tab(said).page.waitForURL((url) => url.href.startsWith(said.prefix), { waitUntil: "load" })),
  focused: async (said) =>
    tab(said).page.evaluate(() => {
      const at = document.activeElement;
      const name = at.labels?.[0]?.textContent ?? at.getAttribute("aria-label") ?? at.textContent;
      return { tag: at.localName, id: at.id, role: at.getAttribute("role"), name: name.trim().replace(/\s+/g, " ") };
    }),
  state: async (said) => {
    const { page } = tab(said);
    return { url: page.url(), title: await page.title(), html: await page.content() };
  },
  /** How far the page overflows sideways, in CSS pixels. */
  overflow: async (said) =>
    tab(said).page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
  axe: async (said) => axe(tab(said).page, tab(said).script),
  screenshot: async (said) => void (await tab(said).page.screenshot({ path: said.path, fullPage: true })),
  /** What went over the wire and what the console complained about since the last time of asking. */
  traffic: async (said) => {
    const seen = tab(said);
    const { requests, bytes, complaints } = seen;
    Object.assign(seen, { requests: 0, bytes: 0, complaints: [] });
    return { requests, bytes, complaints };
  },
  cookies: async (said) => tab(said).context.cookies(),
};

say({ ok: { version: browser.version() } });
for await (const line of lines) {
  const said = JSON.parse(line);
  try {
    say({ ok: (await commands[said.do](said)) ?? null });
  } catch (error) {
    // Playwright's words carry colours and a log of its tries: the first line says it.
    say({ error: `${said.do}: ${error.message.replace(/\u001b\[\d+m/g, "").split("\n")[0]}` });
  }
}
