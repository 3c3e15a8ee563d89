// A pod that answers as burger-mcp does, the server of the application in test_stored_sessions:
// TypeScript SDK v1, Express, a map from session id to transport, and both of the older transports
// on one port. An id that this process did not issue is refused with 400, -32000 to a POST and a
// DELETE, and with 405 to a GET: never with the 404 of the specification.
import express from 'express';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { listen, podName, text } from './pod.mjs';
import { refuseAsMost, serveSse, serveStreamable } from './server_v1.mjs';

function newServer() {
  const server = new McpServer({ name: podName, version: '1.0.0' });
  let count = 0; // this session's state: it lives in this process alone

  server.registerTool('count', { description: 'Counts the calls of this session' }, () =>
    text({ pod: podName, count: ++count }),
  );
  return server;
}

const app = express();
app.use(express.json());
app.get('/', (request, response) => response.json({ status: 'up', uptime: process.uptime() }));
serveStreamable(app, newServer, refuseAsMost);
serveSse(app, newServer);
listen(app);
