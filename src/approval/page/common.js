// Shared by both pages: entering with a code, requests, elements, passkeys.
const KEY = 'claude-vault-page';
let secret = sessionStorage.getItem(KEY) ?? '';

// An error answer from the program. Its message is written for the person.
export class Refusal extends Error {
  constructor({ error = 'the answer of the program cannot be read', command = '' }, status) {
    super(error);
    Object.assign(this, { command, status });
  }
}

export async function post(what, body = {}) {
  const response = await fetch(`${location.pathname}/${what}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', 'Claude-Vault-Page': secret }, body: JSON.stringify(body),
    credentials: 'omit', redirect: 'error',
  });
  const reply = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(reply, response.status);
  return reply;
}

// Waits until the tab is visible: a prerendered, prefetched or background tab must do nothing.
function visible() {
  return new Promise((go) => {
    const look = () => {
      if (document.visibilityState !== 'visible' || document.prerendering) return;
      document.removeEventListener('visibilitychange', look);
      document.removeEventListener('prerenderingchange', look);
      go();
    };
    document.addEventListener('visibilitychange', look);
    document.addEventListener('prerenderingchange', look);
    look();
  });
}

// Exchanges the code in the address, which works once, for the secret of this tab.
export async function enter() {
  await visible();
  const code = location.hash.slice(1);
  if (code) {
    try {
      ({ secret } = await post('exchange', { code }));
      sessionStorage.setItem(KEY, secret);
    } catch (error) {
      // A tab that was reloaded, or opened with the same address again, still has its secret.
      if (!(error instanceof Refusal) || !secret) throw error;
    }
    history.replaceState(null, '', location.pathname);
  }
  if (!secret) throw new Refusal({ error: 'this tab was not opened with a valid address', command: 'claude-vault approve pending' });
}

// Makes an element with properties, and with children that are elements or text.
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Shows a text from another program, set apart from our own words. <bdi> keeps right-to-left text
// from reordering them.
export const name = (text) => make('bdi', { className: 'name' }, text);
export const code = (text) => make('code', {}, make('bdi', {}, text));
export const hidden = (text) => make('span', { className: 'hidden' }, text);

export const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (two) => parseInt(two, 16));
export const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

// A passkey's answer to a challenge.
export async function assertion({ challenge, passkeys }) {
  const { rawId, response } = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(challenge), rpId: 'localhost', userVerification: 'required', timeout: 120000,
      allowCredentials: passkeys.map((id) => ({ type: 'public-key', id: bytes(id) })),
    },
  });
  return {
    id: hex(rawId), client_data: hex(response.clientDataJSON), authenticator_data: hex(response.authenticatorData),
    signature: hex(response.signature),
  };
}

// Describes an error in our own words: messages of browsers are long, and differ.
export const why = (error) => (error.name === 'NotAllowedError' ? 'The passkey was not used.'
  : error.name === 'InvalidStateError' ? 'This passkey is enrolled already.'
    : error instanceof Refusal ? `${error.message[0].toUpperCase()}${error.message.slice(1)}.` : 'The program that asked has ended.');

// Replaces the page with the reason why it does not work, and with the command to continue.
export function refusal(main, error) {
  document.title = 'Page not available';
  main.replaceChildren(make('h1', {}, 'This page is not available'), make('p', { role: 'alert' }, why(error)));
  if (!error.command) return;
  main.append(
    make('p', {}, 'To continue, run this in a terminal of your own: ', make('code', {}, error.command)),
    make('p', { className: 'quiet' }, 'If you did not open the address yourself, another program on this machine did: check every change that waits before you approve it.'),
  );
}
