// The suite's tools, by the names its scenarios call.
import { setTimeout as pause } from 'node:timers/promises';
import { fromJsonSchema } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { audio, embedded, image, textContent } from './samples.mjs';

const content = (...items) => ({ content: items });
const string = (description) => ({ type: 'string', description });
const choice = (value, title) => ({ const: value, title });

export function addTools(server) {
  const tool = (name, description, handler, inputSchema) =>
    server.registerTool(name, { description, ...(inputSchema && { inputSchema }) }, handler);

  addContentTools(tool);
  addStreamingTools(tool);
  addClientTools(tool);
  addSchemaTools(tool);
}

function addContentTools(tool) {
  tool('test_simple_text', 'Answers text', () =>
    content(textContent('This is a simple text response for testing.')),
  );
  tool('test_image_content', 'Answers an image', () => content(image));
  tool('test_audio_content', 'Answers a sound', () => content(audio));
  tool('test_embedded_resource', 'Answers a resource', () =>
    content(
      embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
    ),
  );
  tool('test_multiple_content_types', 'Answers text, an image and a resource', () =>
    content(
      textContent('Multiple content types test:'),
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ),
  );
  tool('test_error_handling', 'Fails', () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
}

// The pauses are part of the scenarios: each message must be able to travel alone.
function addStreamingTools(tool) {
  tool('test_tool_with_logging', 'Logs three messages', async ({ mcpReq }) => {
    await mcpReq.log('info', 'Tool execution started');
    await pause(50);
    await mcpReq.log('info', 'Tool processing data');
    await pause(50);
    await mcpReq.log('info', 'Tool execution completed');
    return content(textContent('logged'));
  });

  tool('test_logging_tool', 'Logs one message, if asked to', async ({ mcpReq }) => {
    await mcpReq.log('info', 'one message');
    return content(textContent('logged'));
  });

  tool('test_tool_with_progress', 'Reports progress three times', async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
      }
      if (progress < 100) await pause(50);
    }
    return content(textContent('done'));
  });

  tool('test_reconnection', 'Ends its stream before it answers', async ({ http }) => {
    await pause(50);
    http?.closeSSE?.();
    await pause(100);
    return content(textContent('answered after the stream was closed'));
  });
}

// What must travel to the client and back while the call is open. It goes out on the call's own
// stream: the standalone one need not be open yet, since a client opens it without waiting for it.
function addClientTools(tool) {
  const ask = async (mcpReq, message, properties, required = []) => {
    const question = { type: 'object', properties, required };
    const answer = await mcpReq.elicitInput(
      { mode: 'form', message, requestedSchema: question },
      { relatedRequestId: mcpReq.id },
    );
    return `action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`;
  };

  const sample = async ({ prompt }, { mcpReq }) => {
    const messages = [{ role: 'user', content: textContent(prompt) }];
    const answer = await mcpReq.requestSampling(
      { messages, maxTokens: 100 },
      { relatedRequestId: mcpReq.id },
    );
    return content(textContent(`LLM response: ${answer.content.text}`));
  };
  tool('test_sampling', "Asks the client's model", sample, z.object({ prompt: z.string() }));

  const elicit = async ({ message }, { mcpReq }) => {
    const properties = { username: string('A name'), email: string('An address') };
    const answer = await ask(mcpReq, message, properties, ['username', 'email']);
    return content(textContent(`User response: ${answer}`));
  };
  tool('test_elicitation', 'Asks the user', elicit, z.object({ message: z.string() }));

  tool(
    'test_elicitation_sep1034_defaults',
    'Asks with defaults of every type',
    async ({ mcpReq }) => {
      const answer = await ask(mcpReq, 'Please check', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      });
      return content(textContent(`Elicitation completed: ${answer}`));
    },
  );

  tool('test_elicitation_sep1330_enums', 'Asks with every kind of choice', async ({ mcpReq }) => {
    const titled = (noun) =>
      ['First', 'Second', 'Third'].map((nth, n) => choice(`value${n + 1}`, `${nth} ${noun}`));
    const plain = ['option1', 'option2', 'option3'];
    const answer = await ask(mcpReq, 'Please choose', {
      untitledSingle: { type: 'string', enum: plain },
      titledSingle: { type: 'string', oneOf: titled('Option') },
      legacyEnum: {
        type: 'string',
        enum: ['opt1', 'opt2'],
        enumNames: ['Option One', 'Option Two'],
      },
      untitledMulti: { type: 'array', items: { type: 'string', enum: plain } },
      titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
    });
    return content(textContent(`Elicitation completed: ${answer}`));
  });
}

// A schema with every keyword that a server must not lose on the way to the client.
const richSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const headerSchema = {
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, query: { type: 'string' } },
  required: ['region', 'query'],
};

function addSchemaTools(tool) {
  tool(
    'json_schema_2020_12_tool',
    'Has a rich schema',
    () => content(textContent('ok')),
    fromJsonSchema(richSchema),
  );
  tool(
    'test_custom_headers',
    'Has a parameter mirrored in a header field',
    () => content(textContent('ok')),
    fromJsonSchema(headerSchema),
  );
}
