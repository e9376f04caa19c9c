// node_client.js PORT VERSION: one GET over https, without an agent that keeps connections.
'use strict';
const https = require('node:https');

const [port, version] = process.argv.slice(2);
const options = {
  host: 'localhost',
  port: Number(port),
  path: '/',
  agent: false,
  rejectUnauthorized: false,
  minVersion: `TLSv${version}`,
  maxVersion: `TLSv${version}`,
};

https
  .get(options, (response) => {
    let bytes = 0;
    response.on('data', (chunk) => { bytes += chunk.length; });
    response.on('end', () => console.log(`bytes ${bytes} complete ${response.complete}`));
  })
  .on('error', (error) => {
    console.log(`error ${error.code}`);
    process.exitCode = 1;
  });
