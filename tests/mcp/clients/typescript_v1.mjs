// A client on the TypeScript SDK v1; driver.mjs tells what it does.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { drive, options } from './driver.mjs';

async function connect(session, sessionId) {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { capabilities: { elicitation: {} } },
  );
  client.setRequestHandler(ElicitRequestSchema, () => ({
    action: 'accept',
    content: { word: session.word },
  }));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) =>
    session.message.arrive(params.data),
  );
  const transport = new StreamableHTTPClientTransport(new URL(options.url), {
    sessionId,
    fetch: session.fetch,
  });
  await client.connect(transport, { timeout: Number(options.timeout) });
  return { client, transport };
}

await drive(connect, (callOptions) => [undefined, callOptions]);
