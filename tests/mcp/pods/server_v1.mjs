// The server of the pods on the TypeScript SDK v1, and its sessions as most applications keep them:
// Express, and a map from session id to transport, of either of the older kinds.
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { podName } from './pod.mjs';
import { addTools } from './tools.mjs';

export function newServer() {
  const server = new McpServer(
    { name: podName, version: '1.0.0' },
    { capabilities: { logging: {} } },
  );
  addTools(server, { steps: z.number() }, ({ sendNotification, requestId, _meta }) => ({
    notify: sendNotification,
    meta: _meta,
    elicit: (question) => server.server.elicitInput(question, { relatedRequestId: requestId }),
  }));
  return server;
}

const transports = new Map(); // session id -> transport

// The transport that issued this id, if it is of the kind asked for.
function find(id, kind) {
  const transport = transports.get(id);
  return transport instanceof kind ? transport : undefined;
}

async function open(makeServer) {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => transports.set(id, transport),
  });
  transport.onclose = () => transports.delete(transport.sessionId);
  await makeServer().connect(transport);
  return transport;
}

// Streamable HTTP at /mcp. `refuse(request, response)` answers to an id that this process did not
// issue, and to none where one is needed.
export function serveStreamable(app, makeServer, refuse) {
  app.all('/mcp', async (request, response) => {
    const id = request.headers['mcp-session-id'];
    const isNew = !id && request.method === 'POST' && isInitializeRequest(request.body);
    const transport = isNew ? await open(makeServer) : find(id, StreamableHTTPServerTransport);
    if (!transport) return refuse(request, response);
    await transport.handleRequest(request, response, request.body);
  });
}

// What most applications answer: 400, -32000 to a POST and a DELETE, and 405 to a GET; never the 404
// of the specification.
export function refuseAsMost(request, response) {
  const [status, message] =
    request.method === 'GET'
      ? [405, 'Method not allowed.']
      : [400, 'Bad Request: No valid session ID provided'];
  response.status(status).json({ jsonrpc: '2.0', error: { code: -32000, message }, id: null });
}

// HTTP+SSE at /sse and /messages.
export function serveSse(app, makeServer) {
  app.get('/sse', async (request, response) => {
    const transport = new SSEServerTransport('/messages', response);
    transports.set(transport.sessionId, transport);
    response.on('close', () => transports.delete(transport.sessionId));
    await makeServer().connect(transport);
  });

  app.post('/messages', async (request, response) => {
    const transport = find(request.query.sessionId, SSEServerTransport);
    if (!transport) return response.status(400).send('No transport found for sessionId');
    await transport.handlePostMessage(request, response, request.body);
  });
}
