// Opens many WebSockets at once with the client that is part of Node, has each message said back,
// and closes each; prints what each saw, as JSON.
//
// websocket.mjs HOST:PORT COUNT
const [address, count] = process.argv.slice(2);
const LARGE = 'ringside '.repeat(100_000);

function visit(number) {
  return new Promise((done) => {
    const seen = { pod: null, echoed: 0, code: null, clean: false };
    const messages = [`hello ${number}`, LARGE, ''];
    const socket = new WebSocket(`ws://${address}/socket/${number}`);
    socket.onmessage = ({ data }) => {
      if (seen.pod === null) {
        seen.pod = data;
        for (const message of messages) socket.send(message);
        return;
      }
      if (data === messages[seen.echoed]) seen.echoed += 1;
      if (seen.echoed === messages.length) socket.close(1000, 'done');
    };
    socket.onclose = ({ code, wasClean }) => done({ ...seen, code, clean: wasClean });
  });
}

const seen = await Promise.all(Array.from({ length: Number(count) }, (_, number) => visit(number)));
console.log(JSON.stringify(seen));
