// Calls everything on the server with the official TypeScript clients:
// node typescript.mjs client|sdk auto|legacy BIN CALLS. Prints one JSON object, as python.py does.
const [kind, mode, binary, calls] = process.argv.slice(2);
const server = { command: binary, args: ['mcp'], env: process.env };

async function connect() {
  const me = { name: `typescript ${kind}`, version: '1' };
  if (kind === 'sdk') {
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
    const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js');
    const client = new Client(me);
    await client.connect(new StdioClientTransport(server));
    return client;
  }
  const { Client } = await import('@modelcontextprotocol/client');
  const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
  const client = new Client(me, { versionNegotiation: { mode } });
  await client.connect(new StdioClientTransport(server));
  return client;
}

const client = await connect();
const tools = (await client.listTools()).tools;
const read = await client.readResource({ uri: 'vault://services/plex' });
const completed = await client.complete({
  ref: { type: 'ref/prompt', name: 'migrate-service' }, argument: { name: 'service', value: 'pl' },
});
const seen = {
  protocol: client.getNegotiatedProtocolVersion?.() ?? client.transport?._protocolVersion ?? null,
  tools: tools.map((tool) => tool.name),
  resources: (await client.listResources()).resources.map((one) => one.uri),
  read: read.contents[0].text,
  prompts: (await client.listPrompts()).prompts.map((one) => one.name),
  completed: completed.completion.values,
};
const results = [];
for (const [name, input] of JSON.parse(calls)) {
  const one = await client.callTool({ name, arguments: input });
  results.push(one.isError ? one.content[0].text : one.structuredContent);
}
console.log(JSON.stringify({ ...seen, results }));
await client.close();
