// A client of HTTP+SSE on the TypeScript SDK v1; driver.mjs tells what it does. The first pod that
// it reports is the one that answered its handshake. When the event stream of a session ends before
// its client does, it prints {"event":"ended"} once for it.
import { SSEClientTransport, SseError } from '@modelcontextprotocol/sdk/client/sse.js';
import { ProgressNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { newClient } from './client_v1.mjs';
import { drive, options } from './driver.mjs';

const limits = { timeout: Number(options.timeout) };

async function connect(session) {
  const client = newClient(session);
  // The SDK's own way to report progress loses what comes in one piece with the answer.
  client.setNotificationHandler(ProgressNotificationSchema, ({ params }) => {
    session.seen.progress.push(params.progress);
  });
  let ended = false;
  client.onerror = (error) => {
    if (error instanceof SseError && !ended) console.log('{"event":"ended"}');
    ended ||= error instanceof SseError;
  };
  // What driver.mjs wants of a transport. No DELETE here: a session ends with its stream.
  const end = { sessionId: null, terminateSession: () => client.close() };
  const transport = new SSEClientTransport(new URL(options.url), {
    fetch(url, init) {
      if (init?.method === 'POST') [end.sessionId] = new URL(url).searchParams.values();
      return fetch(url, init);
    },
  });
  await client.connect(transport, limits);
  session.seen.pods.push(client.getServerVersion().name);
  session.getStream.arrive();
  await client.listTools(undefined, limits);
  return { client, transport: end };
}

await drive(connect, (callOptions) => [undefined, callOptions]);
