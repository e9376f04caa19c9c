// node_server.js PORT CERT KEY VERSION: an https server as most people write it.
'use strict';
const fs = require('node:fs');
const https = require('node:https');

const [port, cert, key, version] = process.argv.slice(2);
const body = Buffer.alloc(Number(process.env.PEER_BODY_BYTES ?? 204800), 'node');
const options = {
  cert: fs.readFileSync(cert),
  key: fs.readFileSync(key),
  minVersion: `TLSv${version}`,
  maxVersion: `TLSv${version}`,
};

https
  .createServer(options, (request, response) => {
    response.setHeader('Content-Length', body.length);
    response.end(body);
  })
  .listen(Number(port), '127.0.0.1');
