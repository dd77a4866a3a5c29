// What every party shares: settings on the first line of stdin, one HTTPS server on a free port of 127.0.0.1,
// one command a line afterwards, one answer a line on stdout. It ends with its parent, when stdin closes.
// Parties live on 127.0.0.1 and Guichet on localhost, so that browsers see two sites, as in life.
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import { webcrypto } from "node:crypto";

// Node 18, the one Debian 12 has, keeps it behind a flag.
globalThis.crypto ??= webcrypto;

export const escape = (text) =>
  String(text).replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);

/** One page: `texts` become `<pre id>`, objects among them as JSON. */
export function page(title, texts = {}) {
  const body = Object.entries(texts)
    .map(([id, text]) => [id, typeof text === "string" ? text : JSON.stringify(text, null, 1)])
    .map(([id, text]) => `<h2>${escape(id)}</h2>\n<pre id="${escape(id)}">${escape(text)}</pre>`);
  return `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head>
<body><main><h1>${escape(title)}</h1>\n${body.join("\n")}\n</main></body></html>\n`;
}

/** What a library refused, in its own words. */
export const refusal = (error) => {
  const causes = [];
  for (let e = error; e instanceof Error; e = e.cause) causes.push(e.message);
  return { status: 400, html: page("Refused", { error: causes.join(": ") || String(error) }) };
};

async function form(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return new URLSearchParams(Buffer.concat(parts).toString("utf8"));
}

function send(response, { status = 200, location, html = "", xml, json }) {
  const headers = { "cache-control": "no-store" };
  if (location) headers.location = location;
  const kind = xml ? "application/samlmetadata+xml" : json ? "application/json" : "text/html; charset=utf-8";
  headers["content-type"] = kind;
  response.writeHead(location ? 302 : status, headers).end(xml ?? (json ? JSON.stringify(json) : html));
}

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/**
 * `make(settings, origin)` gives `{ ready, routes, commands }`: `ready` is told to the parent, a route takes
 * `(url, fields)` and gives what `send` takes, a command takes its own line and gives what is answered.
 */
export async function run(make) {
  const input = createInterface({ input: process.stdin }).on("close", () => process.exit(0));
  const lines = input[Symbol.asyncIterator]();
  const settings = JSON.parse((await lines.next()).value);
  let party;
  const server = createServer(settings.tls, async (request, response) => {
    const url = new URL(request.url, settings.origin);
    const route = party.routes[url.pathname];
    if (!route) return send(response, { status: 404, html: page("Not found") });
    try {
      send(response, await route(url, request.method === "POST" ? await form(request) : null));
    } catch (error) {
      send(response, refusal(error));
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  settings.origin = `https://127.0.0.1:${server.address().port}`;
  party = await make(settings);
  say({ ok: { url: settings.origin, ...party.ready } });
  for await (const line of lines) {
    const { do: command, ...said } = JSON.parse(line);
    try {
      say({ ok: (await party.commands[command](said)) ?? null });
    } catch (error) {
      say({ error: `${command}: ${error.message}` });
    }
  }
}
