// A pod of HTTP+SSE, the transport of 2024-11-05, on the TypeScript SDK v1, with Streamable HTTP on
// the same port. As in most applications, a session that this process did not issue is refused with
// 400; not with 404.
import { randomUUID } from 'node:crypto';
import express from 'express';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { listen } from './pod.mjs';
import { newServer } from './tools_v1.mjs';

const streams = new Map(); // session id -> transport of HTTP+SSE
const sessions = new Map(); // session id -> transport of Streamable HTTP

async function open() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  transport.onclose = () => sessions.delete(transport.sessionId);
  await newServer().connect(transport);
  return transport;
}

const app = express();
app.use(express.json());

app.get('/sse', async (request, response) => {
  const transport = new SSEServerTransport('/messages', response);
  streams.set(transport.sessionId, transport);
  response.on('close', () => streams.delete(transport.sessionId));
  await newServer().connect(transport);
});

app.post('/messages', async (request, response) => {
  const transport = streams.get(request.query.sessionId);
  if (!transport) return response.status(400).send('No transport found for sessionId');
  await transport.handlePostMessage(request, response, request.body);
});

app.all('/mcp', async (request, response) => {
  const id = request.headers['mcp-session-id'];
  const isNew = !id && request.method === 'POST' && isInitializeRequest(request.body);
  const transport = isNew ? await open() : sessions.get(id);
  if (!transport) return response.status(400).send('No valid session ID provided');
  await transport.handleRequest(request, response, request.body);
});

listen(app);
