// The suite's resources: text, bytes, a template, and one that may be watched.
import { ResourceTemplate } from '@modelcontextprotocol/server';
import { pngBase64 } from './samples.mjs';

export function addResources(server) {
  const resource = (name, uri, mimeType, contents) =>
    server.registerResource(name, uri, { description: name, mimeType }, (url, variables) => ({
      contents: [{ uri: url.href, mimeType, ...contents(variables) }],
    }));

  resource('static-text', 'test://static-text', 'text/plain', () => ({
    text: 'This is the content of the static text resource.',
  }));
  resource('static-binary', 'test://static-binary', 'image/png', () => ({ blob: pngBase64 }));
  resource('watched', 'test://watched-resource', 'text/plain', () => ({ text: 'watched' }));
  resource('example', 'test://example-resource', 'text/plain', () => ({ text: 'example' }));

  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  resource('template', template, 'application/json', ({ id }) => ({
    text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
  }));

  // A session is its own subscriber; this pod never changes what it serves, so that there is
  // nothing to keep.
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}
