// Imitates the model, so that a client's whole tool loop runs without an API key or a network:
// node model.mjs SCRIPT LOG. Prints its address, and writes every request to the model to LOG.
// Implements the Messages API. A script is a list of steps; each gets the result of the last tool.
import { appendFileSync } from 'node:fs';
import http from 'node:http';

const [script, log] = process.argv.slice(2);
const tool = (name, input) => ({ type: 'tool_use', name: `mcp__claude-vault__${name}`, input });
const search = (query) => ({ type: 'tool_use', name: 'ToolSearch', input: { query, max_results: 10 } });
const token = (text) => /approval_token: (\w+)/.exec(text)?.[1];

const handles = {};
const remember = (text) => {
  for (const found of JSON.parse(text).entries) handles[found.name] = found.handle;
};
const set = (more) => tool('vault_set', { service: 'shop', secrets: handles, ...more });
// Repeats the same call until a person has answered, with the token from its reply if there is one.
const inject = () => tool('vault_inject', { service: 'shop' });
const waiting = (text) => (!text.startsWith('approval_pending') ? null
  : token(text) ? set({ approval_token: token(text) }) : inject());

const scripts = {
  migrate: [
    () => search('find secrets in a .env file and move them into vault'),
    () => tool('vault_status', {}),
    () => tool('vault_scan_env', { service: 'shop' }),
    (text) => { remember(text); return set(); },
    waiting,
    () => tool('vault_generate_example', { service: 'shop' }),
    inject,
    waiting,
    () => tool('vault_get', { service: 'shop' }),
  ],
  write: [
    () => search('set secrets in vault'),
    () => tool('vault_set', { service: 'shop', secrets: { A: 'from the model' } }),
  ],
};

const steps = scripts[script];
let step = 0;
function next(messages) {
  const parts = messages.at(-1).content;
  const result = Array.isArray(parts) ? parts.findLast((part) => part.type === 'tool_result') : null;
  const text = Array.isArray(result?.content) ? result.content.map((part) => part.text ?? '').join('') : result?.content ?? '';
  while (step < steps.length) {
    const wanted = steps[step](text);
    if (steps[step] !== waiting || !wanted) step += 1;
    if (wanted) return { ...wanted, id: `toolu_${Date.now()}${Math.random().toString(16).slice(2, 8)}` };
  }
  return { type: 'text', text: 'done' };
}

function stream(response, message, block) {
  const send = (event) => response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  send({ type: 'message_start', message: { ...message, content: [], stop_reason: null } });
  const isTool = block.type === 'tool_use';
  send({ type: 'content_block_start', index: 0, content_block: isTool ? { ...block, input: {} } : { type: 'text', text: '' } });
  send({ type: 'content_block_delta', index: 0,
    delta: isTool ? { type: 'input_json_delta', partial_json: JSON.stringify(block.input) } : { type: 'text_delta', text: block.text } });
  send({ type: 'content_block_stop', index: 0 });
  send({ type: 'message_delta', delta: { stop_reason: message.stop_reason, stop_sequence: null }, usage: { output_tokens: 1 } });
  send({ type: 'message_stop' });
  response.end();
}

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    if (!request.url.startsWith('/v1/messages')) return response.writeHead(404).end('{}');
    if (request.url.includes('count_tokens')) return response.end('{"input_tokens":1}');
    const asked = JSON.parse(body);
    appendFileSync(log, `${body}\n`);
    // Side requests (for a title, for example) come without tools.
    const block = asked.tools?.length ? next(asked.messages) : { type: 'text', text: 'x' };
    const message = {
      id: `msg_${step}`, type: 'message', role: 'assistant', model: asked.model, content: [block], stop_sequence: null,
      stop_reason: block.type === 'tool_use' ? 'tool_use' : 'end_turn', usage: { input_tokens: 1, output_tokens: 1 },
    };
    if (asked.stream) return stream(response, message, block);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    return response.end(JSON.stringify(message));
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
