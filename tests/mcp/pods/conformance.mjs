// A pod for the conformance suite: what its scenarios ask for by name, on the TypeScript SDK v2, in
// both eras on one port. Of the suite's extensions (tasks, skills) it has none. Run as the other
// pods are.
import { createServer } from 'node:http';
import { localhostHostValidation, localhostOriginValidation } from '@modelcontextprotocol/node';
import { McpServer } from '@modelcontextprotocol/server';
import { EventLog } from './conformance/event_log.mjs';
import { addInputRequired, requestState } from './conformance/input_required.mjs';
import { addPrompts } from './conformance/prompts.mjs';
import { addResources } from './conformance/resources.mjs';
import { addTools } from './conformance/tools.mjs';
import { bothEras } from './eras_v2.mjs';
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

const serve = bothEras(newServer, () => ({ eventStore: new EventLog(), retryInterval: 500 }));
const hostIsLocal = localhostHostValidation();
const originIsLocal = localhostOriginValidation();

const server = createServer(async (request, response) => {
  if (hostIsLocal(request, response) && originIsLocal(request, response)) {
    await serve(request, response);
  }
});

listen(server);
