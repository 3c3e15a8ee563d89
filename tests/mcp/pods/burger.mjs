// A pod that answers as burger-mcp does, the server of the application in test_stored_sessions:
// TypeScript SDK v1, Express, a map from session id to transport, and both of the older transports
// on one port. An id that this process did not issue is refused with 400, -32000 to a POST and a
// DELETE, and with 405 to a GET: never with the 404 of the specification.
import { randomUUID } from 'node:crypto';
import express from 'express';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { listen, podName, text } from './pod.mjs';

function newServer() {
  const server = new McpServer({ name: podName, version: '1.0.0' });
  let count = 0; // this session's state: it lives in this process alone

  server.registerTool('count', { description: 'Counts the calls of this session' }, () =>
    text({ pod: podName, count: ++count }),
  );
  return server;
}

const transports = new Map(); // session id -> transport, of either kind

// The transport that issued this id, if it is of the kind asked for.
function find(id, kind) {
  const transport = transports.get(id);
  return transport instanceof kind ? transport : undefined;
}

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

app.get('/', (request, response) => response.json({ status: 'up', uptime: process.uptime() }));

app.all('/mcp', async (request, response) => {
  const id = request.headers['mcp-session-id'];
  const transport = find(id, StreamableHTTPServerTransport);
  if (transport) {
    await transport.handleRequest(request, response, request.body);
  } else if (!id && request.method === 'POST' && isInitializeRequest(request.body)) {
    await (await open()).handleRequest(request, response, request.body);
  } else if (request.method === 'GET') {
    refuse(response, 405, 'Method not allowed.');
  } else {
    refuse(response, 400, 'Bad Request: No valid session ID provided');
  }
});

app.get('/sse', async (request, response) => {
  const transport = new SSEServerTransport('/messages', response);
  transports.set(transport.sessionId, transport);
  response.on('close', () => transports.delete(transport.sessionId));
  await newServer().connect(transport);
});

app.post('/messages', async (request, response) => {
  const transport = find(request.query.sessionId, SSEServerTransport);
  if (!transport) return response.status(400).send('No transport found for sessionId');
  await transport.handlePostMessage(request, response, request.body);
});

listen(app);
