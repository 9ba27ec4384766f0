// A person in a real Chromium: node browse.mjs provider|vault|device|direct accept|deny URL NAME PASSWORD [SCREENSHOT]
// device: the page for a device code (RFC 8628); direct: the login ends at OpenBao itself, which asks
// for confirmation once more. Prints the title and the text of the final page.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [kind, answer, url, name, password, screenshot] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'browser-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
  const page = browser.pages()[0] ?? await browser.newPage();
  page.setDefaultTimeout(60000);
  await page.goto(url);
  if (kind === 'device') {
    await page.getByRole('button', { name: answer === 'deny' ? 'Abort' : 'Continue' }).click();
  }
  if (kind === 'vault') { // OpenBao's own page
    await page.getByLabel('Method').selectOption({ label: 'Username' });
    await page.locator('input[name=username]').fill(name);
    await page.locator('input[name=password]').fill(password);
    await page.locator('#auth-submit, button[type=submit]').first().click();
  } else if (answer === 'deny') {
    if (kind !== 'device') await page.getByText('Cancel').click();
  } else {
    await page.fill('input[name=login]', name);
    await page.fill('input[name=password]', password);
    await page.click('button[type=submit]');
    await page.waitForURL(/interaction/);
    await page.getByRole('button', { name: 'Continue' }).click();
  }
  let text = 'body';
  if (kind === 'direct') {
    await page.locator('button, input[type=submit]').first().click();
    await page.getByText('Signed in').first().waitFor();
  } else if (kind === 'device') {
    await page.getByText(answer === 'deny' ? 'interrupted' : 'Success').first().waitFor();
  } else {
    await page.waitForURL(/localhost:\d+\/oidc\/callback/);
    await page.locator('footer').waitFor();
    text = 'main';
  }
  if (screenshot) await page.screenshot({ path: screenshot });
  console.log(await page.title());
  console.log(await page.innerText(text));
} catch (error) {
  const page = browser.pages()[0];
  console.log('ended at', page?.url(), await page?.innerText('body'));
  if (screenshot) await page?.screenshot({ path: screenshot });
  throw error;
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
