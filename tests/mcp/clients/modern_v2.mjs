// A client on the TypeScript SDK v2 that prefers the era of 2026-07-28 and falls back to sessions.
//
//   node modern_v2.mjs --url URL --calls N
//
// Connects, calls `whoami` N times and prints {"version", "session", "pods"} as one line of JSON.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { options } from './driver.mjs';

const client = new Client(
  { name: 'test', version: '2.0.0' },
  { versionNegotiation: { mode: 'auto' } },
);
const transport = new StreamableHTTPClientTransport(new URL(options.url));
await client.connect(transport);
const pods = [];
for (let n = 0; n < Number(options.calls); n++) {
  const result = await client.callTool({ name: 'whoami', arguments: {} });
  pods.push(JSON.parse(result.content[0].text).pod);
}
const version = client.getNegotiatedProtocolVersion();
console.log(JSON.stringify({ version, session: transport.sessionId ?? null, pods }));
if (transport.sessionId) await transport.terminateSession();
await client.close();
