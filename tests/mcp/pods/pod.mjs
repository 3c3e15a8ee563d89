// What every pod in JavaScript shares: its arguments, and the line that says where it listens.
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { name: { type: 'string' }, port: { type: 'string', default: '0' } },
});

// The name that `whoami` answers: tests tell by it which pod served a call.
export const podName = values.name;

export const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });

// Listens on loopback and prints `listening HOST:PORT`. `server` is a node:http server or an
// Express application.
export function listen(server) {
  const listener = server.listen(Number(values.port), '127.0.0.1', () => {
    console.log(`listening 127.0.0.1:${listener.address().port}`);
  });
}
