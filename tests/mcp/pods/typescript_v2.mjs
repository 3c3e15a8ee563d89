// A pod on the TypeScript SDK v2, of both eras on one port.
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { bothEras } from './eras_v2.mjs';
import { listen, podName } from './pod.mjs';
import { addTools } from './tools.mjs';

function newServer() {
  const server = new McpServer(
    { name: podName, version: '2.0.0' },
    { capabilities: { logging: {} } },
  );
  addTools(server, z.object({ steps: z.number() }), ({ mcpReq }) => ({
    notify: (notification) => mcpReq.notify(notification),
    meta: mcpReq._meta,
    elicit: (question) => mcpReq.elicitInput(question),
  }));
  return server;
}

listen(createServer(bothEras(newServer)));
