// The suite's prompts; the arguments of one can be completed.
import { completable } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { embedded, image, textContent } from './samples.mjs';

const says = (...items) => ({ messages: items.map((content) => ({ role: 'user', content })) });

export function addPrompts(server) {
  const prompt = (name, description, handler, argsSchema) =>
    server.registerPrompt(name, { description, ...(argsSchema && { argsSchema }) }, handler);
  const words = ['paris', 'park', 'party'];
  const word = completable(z.string(), (start) => words.filter((each) => each.startsWith(start)));

  prompt('test_simple_prompt', 'Has no arguments', () =>
    says(textContent('This is a simple prompt for testing.')),
  );
  prompt(
    'test_prompt_with_arguments',
    'Has two arguments',
    ({ arg1, arg2 }) => says(textContent(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
    z.object({ arg1: word, arg2: word }),
  );
  prompt(
    'test_prompt_with_embedded_resource',
    'Holds a resource',
    ({ resourceUri }) =>
      says(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        textContent('Please process the embedded resource above.'),
      ),
    z.object({ resourceUri: z.string() }),
  );
  prompt('test_prompt_with_image', 'Holds an image', () =>
    says(image, textContent('Please analyze the image above.')),
  );
}
