// Exposes a stdio server over streamable HTTP, because the official conformance suite supports only
// that: node bridge.mjs BIN. Prints its address. Each session of the old revisions gets its own
// server. Requests of 2026-07-28 have no session and share one server.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import readline from 'node:readline';

const binary = process.argv[2];
const sessions = new Map();

class Server {
  constructor() {
    this.child = spawn(binary, ['mcp'], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.open = new Map();
    this.next = 1;
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      const message = JSON.parse(line);
      const asked = this.open.get(message.id);
      if (asked && !message.method) {
        this.open.delete(message.id);
        asked.end({ ...message, id: asked.id });
      } else {
        // Send a notification to the first open request.
        this.open.values().next().value?.send(message);
      }
    });
  }

  post(message, asked) {
    if (!asked) return this.child.stdin.write(`${JSON.stringify(message)}\n`);
    const id = this.next++;
    this.open.set(id, { ...asked, id: message.id });
    return this.child.stdin.write(`${JSON.stringify({ ...message, id })}\n`);
  }
}

function server(request, message, response) {
  const id = request.headers['mcp-session-id'];
  if (message.method === 'initialize') {
    const fresh = randomUUID();
    sessions.set(fresh, new Server());
    response.setHeader('Mcp-Session-Id', fresh);
    return sessions.get(fresh);
  }
  if (!id && !sessions.has('')) sessions.set('', new Server());
  return sessions.get(id ?? '');
}

const bridge = http.createServer((request, response) => {
  if (request.method === 'DELETE') {
    sessions.get(request.headers['mcp-session-id'])?.child.stdin.end();
    sessions.delete(request.headers['mcp-session-id']);
    return response.writeHead(200).end();
  }
  if (request.method !== 'POST') return response.writeHead(405).end();
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    const message = JSON.parse(body);
    const to = server(request, message, response);
    if (!to) return response.writeHead(404).end();
    if (message.id === undefined) {
      to.post(message);
      return response.writeHead(202).end();
    }
    let streaming = false;
    return to.post(message, {
      send(part) {
        if (!streaming) response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        streaming = true;
        response.write(`event: message\ndata: ${JSON.stringify(part)}\n\n`);
      },
      end(part) {
        if (streaming) return response.end(`event: message\ndata: ${JSON.stringify(part)}\n\n`);
        // The HTTP status that the revision assigns to each of its errors.
        const status = { '-32601': 404, '-32020': 400, '-32021': 400, '-32022': 400, '-32602': 400 }[part.error?.code] ?? 200;
        response.writeHead(request.headers['mcp-session-id'] ? 200 : status, { 'Content-Type': 'application/json' });
        return response.end(JSON.stringify(part));
      },
    });
  });
});
bridge.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${bridge.address().port}/mcp`));
