// A client on the TypeScript SDK v2, in its default era (sessions); driver.mjs tells what it does.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { drive, options } from './driver.mjs';

async function connect(session, sessionId) {
  const client = new Client(
    { name: 'test', version: '2.0.0' },
    { capabilities: { elicitation: {} } },
  );
  client.setRequestHandler('elicitation/create', () => ({
    action: 'accept',
    content: { word: session.word },
  }));
  client.setNotificationHandler('notifications/message', ({ params }) =>
    session.message.arrive(params.data),
  );
  const transport = new StreamableHTTPClientTransport(new URL(options.url), {
    sessionId,
    fetch: session.fetch,
  });
  await client.connect(transport, { timeout: Number(options.timeout) });
  return { client, transport };
}

await drive(connect, (callOptions) => [callOptions]);
