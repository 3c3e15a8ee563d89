// A pod on the TypeScript SDK v1, written the way most applications are. As there, an id that this
// process did not issue is refused with 400, -32000; not with 404.
import express from 'express';
import { listen } from './pod.mjs';
import { newServer, refuseAsMost, serveStreamable } from './server_v1.mjs';

const app = express();
app.use(express.json());
serveStreamable(app, newServer, refuseAsMost);
listen(app);
