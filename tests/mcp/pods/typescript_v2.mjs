// A pod on the TypeScript SDK v2, of both eras on one port: sessions for clients up to 2025-11-25,
// and request by request for 2026-07-28. An id that this process did not issue is refused with 404,
// -32001.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import {
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node';
import {
  McpServer,
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { listen, podName, text } from './pod.mjs';

function newServer() {
  const server = new McpServer(
    { name: podName, version: '2.0.0' },
    { capabilities: { logging: {} } },
  );
  let count = 0; // this session's state: it lives in this process alone

  server.registerTool('whoami', { description: 'Names the pod' }, () => text({ pod: podName }));

  server.registerTool('count', { description: 'Counts the calls of this session' }, () =>
    text({ pod: podName, count: ++count }),
  );

  server.registerTool(
    'stream',
    {
      description: 'Reports progress before it answers',
      inputSchema: z.object({ steps: z.number() }),
    },
    async ({ steps }, { mcpReq }) => {
      for (let step = 1; step <= steps; step++) {
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken: mcpReq._meta?.progressToken, progress: step, total: steps },
        });
      }
      return text({ pod: podName, steps });
    },
  );

  server.registerTool('ask', { description: 'Asks the user for a word' }, async ({ mcpReq }) => {
    const answer = await mcpReq.elicitInput({
      mode: 'form',
      message: 'Which word?',
      requestedSchema: {
        type: 'object',
        properties: { word: { type: 'string' } },
        required: ['word'],
      },
    });
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
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => transports.set(id, transport),
    onsessionclosed: (id) => transports.delete(id),
  });
  await newServer().connect(transport);
  return transport;
}

async function transportFor(id, message) {
  if (id) return transports.get(id);
  return isInitializeRequest(message) ? open() : undefined;
}

const modern = toNodeHandler(createMcpHandler(newServer, { legacy: 'reject' }));

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
}

const server = createServer(async (request, response) => {
  const message = await readBody(request);
  if (!(await isLegacyRequest(await toWebRequest(request, message), message))) {
    return modern(request, response, message);
  }
  const id = request.headers['mcp-session-id'];
  const transport = await transportFor(id, message);
  if (transport) return transport.handleRequest(request, response, message);
  const [status, code, what] = id
    ? [404, -32001, 'Session not found']
    : [400, -32000, 'Bad Request: no session'];
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code, message: what }, id: null }));
});

listen(server);
