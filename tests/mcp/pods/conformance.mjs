// A pod for the conformance suite: what its scenarios ask for by name, on the TypeScript SDK v2, in
// both eras on one port. Of the suite's extensions (tasks, skills) it has none. Run as the other
// pods are.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import {
  NodeStreamableHTTPServerTransport,
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node';
import {
  McpServer,
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
} from '@modelcontextprotocol/server';
import { EventLog } from './conformance/event_log.mjs';
import { addInputRequired, requestState } from './conformance/input_required.mjs';
import { addPrompts } from './conformance/prompts.mjs';
import { addResources } from './conformance/resources.mjs';
import { addTools } from './conformance/tools.mjs';
import { listen, podName } from './pod.mjs';

function newServer() {
  const capabilities = { logging: {}, completions: {}, resources: { subscribe: true } };
  const server = new McpServer({ name: podName, version: '1.0.0' }, { capabilities, requestState });
  addTools(server);
  addResources(server);
  addPrompts(server);
  addInputRequired(server);
  return server;
}

const transports = new Map(); // session id -> transport

async function open() {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: new EventLog(),
    retryInterval: 500,
    onsessioninitialized: (id) => transports.set(id, transport),
    onsessionclosed: (id) => transports.delete(id),
  });
  await newServer().connect(transport);
  return transport;
}

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
}

async function serveSession(request, response, message) {
  const id = request.headers['mcp-session-id'];
  const transport = id ? transports.get(id) : isInitializeRequest(message) && (await open());
  if (transport) return transport.handleRequest(request, response, message);
  const [status, code, what] = id
    ? [404, -32001, 'Session not found']
    : [400, -32000, 'Bad Request: no session'];
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code, message: what }, id: null }));
}

const serveModern = toNodeHandler(createMcpHandler(newServer, { legacy: 'reject' }));
const hostIsLocal = localhostHostValidation();
const originIsLocal = localhostOriginValidation();

const server = createServer(async (request, response) => {
  if (!hostIsLocal(request, response) || !originIsLocal(request, response)) return;
  const message = await readBody(request);
  const legacy = await isLegacyRequest(await toWebRequest(request, message), message);
  await (legacy ? serveSession : serveModern)(request, response, message);
});

listen(server);
