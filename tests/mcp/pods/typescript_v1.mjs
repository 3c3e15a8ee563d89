// A pod on the TypeScript SDK v1, written the way most applications are: Express, and a map from
// session id to transport. As there, an id that this process did not issue is refused with 400,
// -32000; not with 404.
import { randomUUID } from 'node:crypto';
import express from 'express';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { listen } from './pod.mjs';
import { newServer } from './tools_v1.mjs';

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
