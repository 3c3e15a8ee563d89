// The tools of the pods on the TypeScript SDKs.
import { podName, text } from './pod.mjs';

const QUESTION = {
  mode: 'form',
  message: 'Which word?',
  requestedSchema: {
    type: 'object',
    properties: { word: { type: 'string' } },
    required: ['word'],
  },
};

// What differs from SDK to SDK: `stepsSchema` is the input of the tool `stream`, and `during(extra)`
// is what a call has of its own, as { notify, meta, elicit }.
export function addTools(server, stepsSchema, during) {
  let count = 0; // this session's state: it lives in this process alone

  server.registerTool('whoami', { description: 'Names the pod' }, () => text({ pod: podName }));

  server.registerTool('count', { description: 'Counts the calls of this session' }, () =>
    text({ pod: podName, count: ++count }),
  );

  server.registerTool(
    'stream',
    { description: 'Reports progress before it answers', inputSchema: stepsSchema },
    async ({ steps }, extra) => {
      const { notify, meta } = during(extra);
      for (let step = 1; step <= steps; step++) {
        await notify({
          method: 'notifications/progress',
          params: { progressToken: meta?.progressToken, progress: step, total: steps },
        });
      }
      return text({ pod: podName, steps });
    },
  );

  server.registerTool('ask', { description: 'Asks the user for a word' }, async (extra) => {
    const answer = await during(extra).elicit(QUESTION);
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
}
