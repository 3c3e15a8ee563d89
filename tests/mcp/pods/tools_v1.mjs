// The tools of the pods on the TypeScript SDK v1.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { podName, text } from './pod.mjs';

export function newServer() {
  const server = new McpServer(
    { name: podName, version: '1.0.0' },
    { capabilities: { logging: {} } },
  );
  let count = 0; // this session's state: it lives in this process alone

  server.registerTool('whoami', { description: 'Names the pod' }, () => text({ pod: podName }));

  server.registerTool('count', { description: 'Counts the calls of this session' }, () =>
    text({ pod: podName, count: ++count }),
  );

  server.registerTool(
    'stream',
    { description: 'Reports progress before it answers', inputSchema: { steps: z.number() } },
    async ({ steps }, extra) => {
      for (let step = 1; step <= steps; step++) {
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken: extra._meta?.progressToken, progress: step, total: steps },
        });
      }
      return text({ pod: podName, steps });
    },
  );

  server.registerTool('ask', { description: 'Asks the user for a word' }, async (extra) => {
    const question = {
      mode: 'form',
      message: 'Which word?',
      requestedSchema: {
        type: 'object',
        properties: { word: { type: 'string' } },
        required: ['word'],
      },
    };
    const answer = await server.server.elicitInput(question, { relatedRequestId: extra.requestId });
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
