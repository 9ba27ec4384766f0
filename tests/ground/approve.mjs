// A person at the approval page in a real Chromium: node approve.mjs <STEPS. STEPS is a JSON list of
// steps that are run in order. Prints their results as a JSON list. Every step has `do`:
// authenticator {verified, key?}, page, before {script}, open {url, until?, text?}, click {name}, fill {id | of, text}, text {of?}, wait {text},
// axe, shot {path, width?, scheme?}, run {script}, sign_in {name, deny?}, counter {value}, key {press}.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const steps = JSON.parse(readFileSync(0, 'utf8'));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const profile = mkdtempSync(join(tmpdir(), 'browser-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  bypassCSP: false,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const problems = [];
const watched = (page) => {
  page.setDefaultTimeout(60000);
  page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()); });
  page.on('pageerror', (error) => problems.push(String(error)));
  return page;
};
let page = watched(browser.pages()[0] ?? await browser.newPage());
let session;
let authenticator;

const doing = {
  async authenticator({ verified = true, credential }) {
    session = await browser.newCDPSession(page);
    await session.send('WebAuthn.enable');
    ({ authenticatorId: authenticator } = await session.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: false, hasUserVerification: true,
        isUserVerified: verified, automaticPresenceSimulation: true },
    }));
    if (credential) await session.send('WebAuthn.addCredential', { authenticatorId: authenticator, credential });
  },
  async credential({ all = false }) {
    const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId: authenticator });
    return all ? credentials : credentials[0];
  },
  open: async ({ url, until = 'load', text }) => {
    await page.goto(url, { waitUntil: until });
    if (text) await page.getByText(text).first().waitFor(); // the page's own script finishes after the load event
  },
  page: async () => { page = watched(await browser.newPage()); }, // another tab
  before: async ({ script }) => { await page.addInitScript(script); },
  click: ({ name }) => page.getByRole('button', { name }).click(),
  fill: ({ id, of = `#${id}`, text }) => page.fill(of, text),
  press: ({ key }) => page.keyboard.press(key),
  text: ({ of = 'main' }) => page.innerText(of),
  wait: ({ text }) => page.getByText(text).first().waitFor(),
  run: ({ script }) => page.evaluate(script),
  async axe() {
    await session?.send('Page.setBypassCSP', { enabled: true });
    const client = session ?? await browser.newCDPSession(page);
    const { result } = await client.send('Runtime.evaluate', {
      expression: `${axe};axe.run().then((found) => JSON.stringify(found.violations.map((one) => [one.id, one.nodes.map((n) => n.html)])))`,
      awaitPromise: true,
    });
    return JSON.parse(result.value);
  },
  async shot({ path, width = 760, height = 620, scheme = 'light' }) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await page.screenshot({ path, fullPage: true });
  },
  async sign_in({ name, deny = false }) {
    if (deny) {
      await page.getByText('Cancel').click();
      return;
    }
    await page.fill('input[name=login]', name);
    await page.fill('input[name=password]', 'x');
    await page.click('button[type=submit]');
    await page.waitForURL(/interaction/);
    await page.getByRole('button', { name: 'Continue' }).click();
  },
  problems: () => problems,
};
const given = [];
try {
  for (const step of steps) given.push((await doing[step.do](step)) ?? null);
  console.log(JSON.stringify(given));
} catch (error) {
  console.log('ended at', page.url(), await page.innerText('body').catch(() => ''), problems);
  throw error;
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
