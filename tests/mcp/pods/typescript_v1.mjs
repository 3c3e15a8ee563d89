// A pod on the TypeScript SDK v1, written the way most applications are: Express, and a map from
// session id to transport. As there, an id that this process did not issue is refused with 400,
// -32000; not with 404.
import { randomUUID } from 'node:crypto';
import express from 'express';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { listen, podName, text } from './pod.mjs';

function newServer() {
  const server = new McpServer(
    { name: podName, version: '1.0.0' },
    { capabilities: { logging: {} } },
  );
  let count = 0; // this session's state: it lives in this process alone

  server.registerTool('whoami', { description: 'Names the pod' }, () => text({ pod: podName }));

  server.registerTool('count', { description: 'Counts the calls of this session' }, () =>
    text({ pod: podName, count: ++count }),
  );

  server.registerTool(
    'stream',
    { description: 'Reports progress before it answers', inputSchema: { steps: z.number() } },
    async ({ steps }, extra) => {
      for (let step = 1; step <= steps; step++) {
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken: extra._meta?.progressToken, progress: step, total: steps },
        });
      }
      return text({ pod: podName, steps });
    },
  );

  server.registerTool('ask', { description: 'Asks the user for a word' }, async (extra) => {
    const question = {
      mode: 'form',
      message: 'Which word?',
      requestedSchema: {
        type: 'object',
        properties: { word: { type: 'string' } },
        required: ['word'],
      },
    };
    const answer = await server.server.elicitInput(question, { relatedRequestId: extra.requestId });
    return text({ pod: podName, word: answer.content?.word });
  });

  server.registerTool(
    'announce',
    { description: "Sends a message on the session's GET stream" },
    async () => {
      await server.server.notification({
        method: 'notifications/message',
        params: { level: 'info', data: `from ${podName}` },
      });
      return text({ pod: podName });
    },
  );
  return server;
}

const transports = new Map(); // session id -> transport

async function open() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => transports.set(id, transport),
  });
  transport.onclose = () => transports.delete(transport.sessionId);
  await newServer().connect(transport);
  return transport;
}

function refuse(response, status, message) {
  response.status(status).json({ jsonrpc: '2.0', error: { code: -32000, message }, id: null });
}

const app = express();
app.use(express.json());

app.all('/mcp', async (request, response) => {
  const id = request.headers['mcp-session-id'];
  if (transports.has(id)) {
    await transports.get(id).handleRequest(request, response, request.body);
  } else if (!id && request.method === 'POST' && isInitializeRequest(request.body)) {
    await (await open()).handleRequest(request, response, request.body);
  } else if (request.method === 'GET') {
    refuse(response, 405, 'Method not allowed.');
  } else {
    refuse(response, 400, 'Bad Request: No valid session ID provided');
  }
});

listen(app);
