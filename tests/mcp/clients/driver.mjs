// What both clients in JavaScript share: they open sessions, use them all at once and report what
// they saw.
//
//   node CLIENT.mjs --url URL [--sessions N] [--calls N] [--timeout MS] [--keep] [--stored ID ...]
//
// Opens all sessions, prints {"event":"opened","ids":[...]}, waits for a line on standard input,
// uses every session, ends it with DELETE (not with --keep) and prints
// {"event":"finished","sessions":[...]}. With --stored it opens nothing: it uses the named sessions
// without a handshake, as an application that keeps ids in a database.
import { once } from 'node:events';
import { parseArgs } from 'node:util';

export const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    sessions: { type: 'string', default: '1' },
    calls: { type: 'string', default: '4' },
    timeout: { type: 'string', default: '20000' },
    keep: { type: 'boolean', default: false },
    stored: { type: 'string', multiple: true, default: [] },
  },
});
const timeout = Number(options.timeout);

// Rejects when `promise` takes longer than the time-out of a request.
function inTime(promise, what) {
  const late = new Promise((_, reject) =>
    setTimeout(() => reject(new Error(`no ${what}`)), timeout).unref(),
  );
  return Promise.race([promise, late]);
}

// A promise with its resolve function, for events that the SDK reports by callback.
function event() {
  let arrive;
  const arrived = new Promise((resolve) => {
    arrive = resolve;
  });
  return { arrived, arrive };
}

// One session and what its client saw: pods and counts in order of the answers, and one result of
// each kind of traffic: progress on a POST stream, the server's question and our answer, a message
// on the GET stream.
class Session {
  constructor(number, connect) {
    this.seen = {
      id: null,
      pods: [],
      counts: [],
      progress: [],
      word: null,
      announced: null,
      error: null,
    };
    this.word = `word-${number}`;
    this.connect = connect;
    this.getStream = event();
    this.message = event();
  }

  // Given to the SDK in place of fetch: it tells when the session's GET stream is open.
  fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (init?.method === 'GET' && response.ok) this.getStream.arrive();
    return response;
  };

  async open(storedId) {
    const { client, transport } = await this.connect(this, storedId);
    this.client = client;
    this.transport = transport;
    this.seen.id = transport.sessionId;
  }

  async call(name, args = {}, more = {}) {
    const result = await this.client.callTool(
      { name, arguments: args },
      ...this.callOptions({ timeout, ...more }),
    );
    if (result.isError) throw new Error(result.content[0].text);
    const value = JSON.parse(result.content[0].text);
    this.seen.pods.push(value.pod);
    return value;
  }

  async count() {
    this.seen.counts.push((await this.call('count')).count);
  }

  async use() {
    for (let n = 0; n < Number(options.calls); n++) await this.count();
    if (!this.seen.stored) {
      await Promise.all([this.stream(), this.ask(), this.announce()]);
      await this.count();
    }
  }

  async stream() {
    await this.call(
      'stream',
      { steps: 3 },
      { onprogress: ({ progress }) => this.seen.progress.push(progress) },
    );
  }

  async ask() {
    this.seen.word = (await this.call('ask')).word === this.word;
  }

  async announce() {
    await inTime(this.getStream.arrived, 'GET stream');
    await this.call('announce');
    this.seen.announced = await inTime(this.message.arrived, 'message on the GET stream');
  }

  async close() {
    if (!options.keep) await this.transport.terminateSession();
  }

  // Runs one step, unless an earlier one failed, and keeps the fault for the report.
  async step(work) {
    if (this.seen.error) return;
    try {
      await work();
    } catch (error) {
      this.seen.error = `${error.message}`.slice(0, 300);
    }
  }
}

function report(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// `connect(session, storedId)` makes a connected { client, transport } of the SDK; `callOptions`
// places the options of a call where the SDK's callTool expects them.
export async function drive(connect, callOptions) {
  Session.prototype.callOptions = callOptions;
  const stored = options.stored;
  const size = stored.length || Number(options.sessions);
  const sessions = Array.from({ length: size }, (_, number) => new Session(number, connect));
  const all = (work) =>
    Promise.all(sessions.map((session, n) => session.step(() => work(session, n))));

  await all(async (session, n) => {
    session.seen.stored = stored.length > 0;
    await session.open(stored[n]);
  });
  report({ event: 'opened', ids: sessions.filter((s) => !s.seen.error).map((s) => s.seen.id) });
  await once(process.stdin, 'data');
  await all((session) => session.use());
  await all((session) => session.close());
  await Promise.all(sessions.map((session) => session.client?.close().catch(() => {})));
  report({ event: 'finished', sessions: sessions.map((session) => session.seen) });
  process.exit(0);
}
