// The suite's tools that need an answer in the middle, in the era of 2026-07-28: the call ends with
// a question, and the client repeats it with the answer and the state that it was given. The state
// is signed with a key that all pods have, so that any of them can go on.
import {
  createRequestStateCodec,
  inputRequired,
  inputResponse,
} from '@modelcontextprotocol/server';
import { textContent } from './samples.mjs';

const codec = createRequestStateCodec({ key: 'a key that all pods of this test have in common' });
export const requestState = { verify: codec.verify };

const done = (text) => ({ content: [textContent(text)] });

const ask = (message, property, type = 'string') =>
  inputRequired.elicit({
    mode: 'form',
    message,
    requestedSchema: { type: 'object', properties: { [property]: { type } }, required: [property] },
  });
const askModel = (text, maxTokens) =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: textContent(text) }],
    maxTokens,
  });

// The answer of the given kind under `key`, or nothing: an answer of another kind counts as none.
function answered(mcpReq, key, kind) {
  const answer = inputResponse(mcpReq.inputResponses, key);
  return answer.kind === kind ? answer : undefined;
}

export function addInputRequired(server) {
  const tool = (name, handler) => server.registerTool(name, { description: name }, handler);
  addSingleQuestions(tool);
  addStatefulQuestions(tool);
  addStatelessQuestions(tool);

  tool('test_input_required_result_capabilities', ({ mcpReq }) => {
    const client = mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};
    const inputRequests = {};
    if (client.elicitation) inputRequests.user_name = ask('What is your name?', 'name');
    if (client.sampling) inputRequests.greeting = askModel('Generate a greeting', 50);
    if (client.roots) inputRequests.client_roots = inputRequired.listRoots();
    const asks = Object.keys(inputRequests).length > 0 && !mcpReq.inputResponses;
    return asks ? inputRequired({ inputRequests }) : done('nothing to ask');
  });

  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks' },
    ({ mcpReq }) => {
      const answer = answered(mcpReq, 'user_context', 'elicit');
      if (!answer)
        return inputRequired({ inputRequests: { user_context: ask('What context?', 'context') } });
      return {
        messages: [
          { role: 'user', content: textContent(`With context: ${answer.content?.context}`) },
        ],
      };
    },
  );
}

function addSingleQuestions(tool) {
  tool('test_input_required_result_elicitation', ({ mcpReq }) => {
    const answer = answered(mcpReq, 'user_name', 'elicit');
    if (!answer)
      return inputRequired({ inputRequests: { user_name: ask('What is your name?', 'name') } });
    return done(`Hello, ${answer.content?.name}!`);
  });

  tool('test_input_required_result_sampling', ({ mcpReq }) => {
    const key = 'capital_question';
    if (answered(mcpReq, key, 'sampling')) return done('The model has answered');
    return inputRequired({
      inputRequests: { [key]: askModel('What is the capital of France?', 100) },
    });
  });

  tool('test_input_required_result_list_roots', ({ mcpReq }) => {
    if (answered(mcpReq, 'client_roots', 'roots')) return done('The client has named its roots');
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  });
}

// What `server-stateless` calls: a question to a client that cannot answer it, and one on a call's
// own stream.
function addStatelessQuestions(tool) {
  tool('test_missing_capability', () =>
    inputRequired({ inputRequests: { greeting: askModel('Greet', 50) } }),
  );
  tool('test_streaming_elicitation', () =>
    inputRequired({ inputRequests: { name: ask('Your name?', 'name') } }),
  );
}

function addStatefulQuestions(tool) {
  const asking = async (inputRequests, state) =>
    inputRequired({ inputRequests, requestState: await codec.mint(state) });
  const confirm = () => asking({ confirm: ask('Please confirm', 'ok', 'boolean') }, { round: 1 });
  const confirmed = ({ mcpReq }) =>
    mcpReq.requestState()?.round === 1 && answered(mcpReq, 'confirm', 'elicit')
      ? done('state-ok')
      : confirm();

  tool('test_input_required_result_request_state', confirmed);
  tool('test_input_required_result_tampered_state', confirmed);

  tool('test_input_required_result_multiple_inputs', ({ mcpReq }) => {
    const kinds = { user_name: 'elicit', greeting: 'sampling', client_roots: 'roots' };
    if (Object.entries(kinds).every(([key, kind]) => answered(mcpReq, key, kind)))
      return done('all answered');
    const questions = {
      user_name: ask('What is your name?', 'name'),
      greeting: askModel('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    };
    return asking(questions, { round: 1 });
  });

  tool('test_input_required_result_multi_round', ({ mcpReq }) => {
    const { round = 0 } = mcpReq.requestState() ?? {};
    if (round === 2 && answered(mcpReq, 'step2', 'elicit')) return done('both steps answered');
    if (round === 1 && answered(mcpReq, 'step1', 'elicit')) {
      return asking({ step2: ask('Step 2: What is your favorite color?', 'color') }, { round: 2 });
    }
    return asking({ step1: ask('Step 1: What is your name?', 'name') }, { round: 1 });
  });
}
