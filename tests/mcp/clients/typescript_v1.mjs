// A client on the TypeScript SDK v1; driver.mjs tells what it does.
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { newClient } from './client_v1.mjs';
import { drive, options } from './driver.mjs';

async function connect(session, sessionId) {
  const client = newClient(session);
  const transport = new StreamableHTTPClientTransport(new URL(options.url), {
    sessionId,
    fetch: session.fetch,
  });
  await client.connect(transport, { timeout: Number(options.timeout) });
  return { client, transport };
}

await drive(connect, (callOptions) => [undefined, callOptions]);
