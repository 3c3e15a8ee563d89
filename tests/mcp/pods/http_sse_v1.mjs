// A pod of HTTP+SSE, the transport of 2024-11-05, on the TypeScript SDK v1, with Streamable HTTP on
// the same port. As in most applications, a session that this process did not issue is refused with
// 400; not with 404.
import express from 'express';
import { listen } from './pod.mjs';
import { newServer, serveSse, serveStreamable } from './server_v1.mjs';

const app = express();
app.use(express.json());
serveSse(app, newServer);
serveStreamable(app, newServer, (request, response) =>
  response.status(400).send('No valid session ID provided'),
);
listen(app);
