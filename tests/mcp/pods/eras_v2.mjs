// Both eras on one port, on the TypeScript SDK v2: sessions for clients up to 2025-11-25, and
// request by request for 2026-07-28. An id that this process did not issue is refused with 404,
// -32001.
import { randomUUID } from 'node:crypto';
import {
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
} from '@modelcontextprotocol/server';

const transports = new Map(); // session id -> transport

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
}

// A handler for node:http. `moreOptions` makes what a session's transport has of options beside the
// ones of its id.
export function bothEras(newServer, moreOptions = () => ({})) {
  async function open() {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => transports.set(id, transport),
      onsessionclosed: (id) => transports.delete(id),
      ...moreOptions(),
    });
    await newServer().connect(transport);
    return transport;
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
  return async (request, response) => {
    const message = await readBody(request);
    const legacy = await isLegacyRequest(await toWebRequest(request, message), message);
    await (legacy ? serveSession : serveModern)(request, response, message);
  };
}
