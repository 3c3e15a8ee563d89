// A pod that speaks WebSocket on Node's own HTTP server: it says its name first, and then whatever
// it was sent.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { listen, podName } from './pod.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 1;
const CLOSE = 8;

function frame(opcode, payload) {
  const head = Buffer.alloc(10);
  head[0] = 0x80 | opcode;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  if (payload.length >= 65536) return Buffer.concat([head, payload]);
  const short = payload.length < 126;
  head[1] = short ? payload.length : 126;
  if (!short) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head.subarray(0, short ? 2 : 4), payload]);
}

// The first frame of the bytes, unmasked, and how long it was; nothing if it is not whole.
function parse(bytes) {
  if (bytes.length < 2) return undefined;
  const size = bytes[1] & 0x7f;
  const at = size === 127 ? 10 : size === 126 ? 4 : 2;
  if (bytes.length < at) return undefined;
  const length =
    size === 127 ? Number(bytes.readBigUInt64BE(2)) : size === 126 ? bytes.readUInt16BE(2) : size;
  if (bytes.length < at + 4 + length) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
  for (let i = 0; i < length; ++i) payload[i] ^= mask[i & 3];
  return { opcode: bytes[0] & 0x0f, payload, taken: at + 4 + length };
}

const server = createServer((request, response) => response.writeHead(426).end());

server.on('upgrade', (request, socket, head) => {
  const key = request.headers['sec-websocket-key'] + GUID;
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`,
  );
  socket.write(frame(TEXT, Buffer.from(podName)));
  let bytes = head;
  socket.on('data', (more) => {
    bytes = Buffer.concat([bytes, more]);
    for (let got = parse(bytes); got; got = parse(bytes)) {
      bytes = bytes.subarray(got.taken);
      socket.write(frame(got.opcode, got.payload));
      if (got.opcode === CLOSE) socket.end();
    }
  });
  socket.on('error', () => {});
});

listen(server);
