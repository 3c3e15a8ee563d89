// A client on the TypeScript SDK v1 that tells its session what the server says by itself.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

export function newClient(session) {
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
  return client;
}
