// Readers from npm: node readers.mjs NAME. Reads paths on stdin and prints one line of JSON for each on stdout.
// A value without a JSON type is written as {"!type": "text"}, and a key that is not a string as "!type text".
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { createInterface } from 'node:readline'

function clear () {
  for (const key of Object.keys(process.env)) delete process.env[key]
  process.env.PATH = '/usr/bin:/bin'
}

function plain (value) {
  if (typeof value === 'string' && !value.isWellFormed()) return { '!string': JSON.stringify(value) }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([k, v]) => [typeof k === 'string' ? k : `!${typeof k} ${k}`, plain(v)]))
  }
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]))
  }
  const text = value instanceof Date ? value.toISOString() : String(value)
  return { [`!${value?.constructor?.name ?? typeof value}`]: text }
}

const readers = {
  dotenv18: async () => (await import('dotenv')).default.parse,
  dotenv16: async () => (await import('dotenv16')).default.parse,
  parseEnv: async () => parseEnv,
  // Vite up to 5, Vite up to 7
  'dotenv-expand11': async () => {
    const { default: dotenv } = await import('dotenv16')
    const { expand } = await import('dotenv-expand11')
    return text => expand({ parsed: dotenv.parse(text), processEnv: {} }).parsed
  },
  'dotenv-expand': async () => {
    const { default: dotenv } = await import('dotenv16')
    const { expand } = await import('dotenv-expand')
    return text => expand({ parsed: dotenv.parse(text), processEnv: {} }).parsed
  },
  // like Vite 8's loadEnv: Node's parser and dotenv-expand
  vite: async () => {
    const { expand } = await import('dotenv-expand')
    return text => expand({ parsed: { ...parseEnv(text) }, processEnv: {} }).parsed
  },
  next: async () => {
    const { default: { processEnv, updateInitialEnv } } = await import('@next/env')
    return (text, path) => {
      updateInitialEnv({})
      const failed = []
      const log = { info () {}, error: (...args) => failed.push(args.map(String).join(' ')) }
      const file = { path, contents: text, env: {} }
      processEnv([file], undefined, log, true)
      if (failed.length) throw new Error(failed.join('; '))
      return file.env
    }
  },
  // like `dotenvx run`, with all external lookups switched off
  dotenvx: async () => {
    const { default: dotenvx } = await import('@dotenvx/dotenvx')
    const off = { logLevel: 'none', quiet: true, noArmor: true, noNative: true, no1Password: true, noBitwarden: true, noSpinner: true }
    return (text, path) => {
      const { parsed, error } = dotenvx.config({ path, processEnv: {}, ...off })
      if (error) throw error
      return parsed
    }
  },
  'dotenvx-parse': async () => {
    const { default: dotenvx } = await import('@dotenvx/dotenvx')
    return text => dotenvx.parse(text, { processEnv: {} })
  },
  'js-yaml': async () => (await import('js-yaml')).load,
  'js-yaml4': async () => (await import('js-yaml4')).load,
  yaml: async () => (text) => Yaml.parse(text, { logLevel: 'error', mapAsMap: true }),
  'yaml-1.1': async () => (text) => Yaml.parse(text, { version: '1.1', logLevel: 'error', mapAsMap: true })
}

const name = process.argv[2]
const Yaml = name.startsWith('yaml') && (await import('yaml')).default
clear()
const read = await readers[name]()
const say = process.stdout.write.bind(process.stdout)
process.stdout.write = () => true // a reader's own output must not mix with the answers
process.stderr.write = () => true
for await (const path of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  let answer
  try {
    const text = readFileSync(path, 'utf8')
    answer = { ok: plain(read(text, path)) }
  } catch (error) {
    answer = { error: String(error?.message ?? error) }
  }
  if (name === 'next' || name.startsWith('dotenvx')) clear()
  say(JSON.stringify(answer) + '\n')
}
