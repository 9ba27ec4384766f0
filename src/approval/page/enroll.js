// The page that adds a passkey.
import { Refusal, bytes, hex, make, name, post, refusal, why } from './common.js';

export async function enroll(main) {
  const { name: label, challenge, known, user } = await post('begin');
  document.title = 'Add a passkey';
  const state = make('p', { className: 'state', role: 'status', 'aria-live': 'polite' });
  const button = make('button', { type: 'button', className: 'approve', disabled: true }, 'Add passkey');
  setTimeout(() => { button.disabled = false; }, 600);

  const create = async () => {
    const { rawId, response } = await navigator.credentials.create({
      publicKey: {
        challenge: bytes(challenge), rp: { id: 'localhost', name: 'claude-vault' },
        user: { id: bytes(user), name: label, displayName: label },
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
        authenticatorSelection: { userVerification: 'required', residentKey: 'discouraged' },
        excludeCredentials: known.map((id) => ({ type: 'public-key', id: bytes(id) })),
        attestation: 'none', timeout: 120000,
      },
    });
    const { code } = await post('register', {
      registration: {
        id: hex(rawId), client_data: hex(response.clientDataJSON), authenticator_data: hex(response.getAuthenticatorData()),
        key: hex(response.getPublicKey()), algorithm: response.getPublicKeyAlgorithm(),
      },
    });
    state.replaceChildren('Now type this code in the terminal: ', make('span', { className: 'code' }, code));
  };

  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await create();
    } catch (error) {
      if (error instanceof Refusal && error.command) refusal(main, error);
      state.textContent = why(error);
      button.disabled = false;
    }
  });
  main.replaceChildren(
    make('h1', {}, 'Add a passkey'),
    make('p', {}, 'The passkey ', name(label), ' will approve changes that are asked for on this machine.'),
    make('div', { className: 'buttons' }, button),
    state,
  );
}
