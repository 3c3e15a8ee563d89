// A replica of an agent that keeps session ids in a database, on the TypeScript SDK v1. For each
// turn of a chat it opens a new client, with the chat's stored id where there is one: the SDK then
// sends no handshake. It lists the tools, calls one, and closes without a DELETE.
//
//   node agent.mjs [--timeout MS]
//
// Reads {"url": URL, "turns": [{"chat": N, "session": ID or null}, ...]} from each line of standard
// input, serves these turns at once and prints {"event": "served", "turns": [...]}, each turn with
// what came of it.
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const { values: options } = parseArgs({
  options: { timeout: { type: 'string', default: '10000' } },
});
const limits = { timeout: Number(options.timeout) };

async function use(client, transport, turn) {
  await client.connect(transport, limits);
  const { tools } = await client.listTools(undefined, limits);
  const result = await client.callTool({ name: tools[0].name, arguments: {} }, undefined, limits);
  Object.assign(turn, JSON.parse(result.content[0].text), { session: transport.sessionId });
}

const NOTHING = { pod: null, count: null, handshake: false, status: null, error: null };

async function serve(url, { chat, session }) {
  const turn = { chat, session, ...NOTHING };
  const client = new Client({ name: 'agent', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    sessionId: session ?? undefined,
    fetch(address, init) {
      turn.handshake ||= init.body !== undefined && JSON.parse(init.body).method === 'initialize';
      return fetch(address, init);
    },
  });
  try {
    await use(client, transport, turn);
  } catch (error) {
    turn.status = error.code ?? null; // of HTTP, where an answer came
    turn.error = `${error.message} ${error.cause?.message ?? ''}`.slice(0, 300);
  }
  await client.close();
  return turn;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { url, turns } = JSON.parse(line);
  // Connections that the other end closed before this line came are seen to be closed first.
  await setImmediate();
  const served = await Promise.all(turns.map((turn) => serve(url, turn)));
  process.stdout.write(`${JSON.stringify({ event: 'served', turns: served })}\n`);
}
