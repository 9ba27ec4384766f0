// What both pages need: the way in, requests, elements, passkeys.
const KEY = 'claude-vault-page';
let secret = sessionStorage.getItem(KEY) ?? '';

// An answer of the program that is no success. Its words are for the person.
export class Refusal extends Error {
  constructor({ error = 'the program gave no answer that can be read', command = '' }, status) {
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

// Nothing happens while nobody looks: in a tab that is prerendered, prefetched or in the background.
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

// Exchanges the code of the address, once, for the secret of this tab.
export async function enter() {
  await visible();
  const code = location.hash.slice(1);
  if (code) {
    try {
      ({ secret } = await post('exchange', { code }));
      sessionStorage.setItem(KEY, secret);
    } catch (error) {
      // Reloaded, or opened twice, this tab still has its secret.
      if (!(error instanceof Refusal) || !secret) throw error;
    }
    history.replaceState(null, '', location.pathname);
  }
  if (!secret) throw new Refusal({ error: 'this tab was not opened by an address that works', command: 'claude-vault approve pending' });
}

// An element with properties, and children that are elements or text.
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// A text that is not ours, apart from our own words in its writing direction too.
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

// What went wrong, in our own words: a browser's are long, and differ.
export const why = (error) => (error.name === 'NotAllowedError' ? 'The passkey was not used.'
  : error.name === 'InvalidStateError' ? 'This passkey is enrolled already.'
    : error instanceof Refusal ? `${error.message[0].toUpperCase()}${error.message.slice(1)}.` : 'The program that asked has ended.');

// Nothing can be done here any more; says why, and how to go on.
export function refusal(main, error) {
  document.title = 'Not here';
  main.replaceChildren(make('h1', {}, 'Nothing to see here'), make('p', { role: 'alert' }, why(error)));
  if (!error.command) return;
  main.append(
    make('p', {}, 'To go on, run this in a terminal of your own: ', make('code', {}, error.command)),
    make('p', { className: 'quiet' }, 'If you did not open the address yourself, something else on this machine did: look at what waits before you approve anything.'),
  );
}
