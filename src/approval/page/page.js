// The approval page and the page that adds a passkey. Values come only when they are uncovered.
const $ = (id) => document.getElementById(id);
const main = $('plan') ?? $('enroll');
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (two) => parseInt(two, 16));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
// Set only when it changed: a screen reader speaks each change.
const say = (text) => { if ($('state').textContent !== text) $('state').textContent = text; };

async function post(what, more = {}) {
  const response = await fetch(`${location.pathname}/${what}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ page: main.dataset.page, ...more }),
  });
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.error);
  return reply;
}

// What went wrong, in words of ours: a browser's own are long, and differ.
const why = (error) => (error.name === 'NotAllowedError' ? 'The passkey was not used.'
  : error.name === 'TypeError' ? 'The program that asked is gone.' : error.message);

function plan() {
  const { proof } = main.dataset;
  let left = Number(main.dataset.left);
  let over = false;
  let noticed = '';

  const finish = (text, title) => {
    over = true;
    say(text);
    document.title = title;
    document.querySelector('h1').textContent = title;
    document.querySelectorAll('button, input').forEach((one) => { one.disabled = true; });
    document.querySelectorAll('input').forEach((one) => { one.value = ''; });
    document.querySelectorAll('[data-show]').forEach((one) => { one.closest('td').querySelector('.value').textContent = '••••••••'; });
    $('left').textContent = '';
  };
  const look = async () => {
    const now = await post('stage');
    const { stage, detail } = now;
    if (stage === 'approved') say('Approved. It is being done …');
    else if (stage === 'denied') finish('Denied. Nothing was done.', 'Denied');
    else if (stage === 'expired') finish('Nobody waits for this any more. Nothing was done.', 'Over');
    else if (stage === 'done') finish(detail ? `Done: it is version ${detail} now. You can close this page.` : 'Done. You can close this page.', 'Done');
    else if (stage === 'conflict') finish('Somebody else changed it meanwhile. Nothing was written; it is asked anew.', 'Changed meanwhile');
    else if (stage === 'failed') finish(`Approved, but it was not done: ${detail}.`, 'Not done');
    else if (stage === 'unknown') finish(`Approved, but nobody knows what came of it: ${detail}. Look with: claude-vault list`, 'Not known');
    else if (now.notice && now.notice !== noticed) {
      noticed = now.notice;
      say(noticed);
    }
  };
  const follow = async () => {
    let failed = 0;
    while (!over) {
      try {
        await look();
        failed = 0;
      } catch (error) {
        failed += 1;
        if (failed > 10) finish(`${why(error)} Whether anything was done: claude-vault list`, 'Not known');
      }
      await new Promise((next) => { setTimeout(next, 300); });
    }
  };

  document.querySelectorAll('button[data-show]').forEach((button) => {
    button.addEventListener('click', async () => {
      const shown = button.closest('td').querySelector('.value');
      if (button.getAttribute('aria-expanded') === 'true') {
        shown.textContent = '••••••••';
        button.setAttribute('aria-expanded', 'false');
        button.firstChild.textContent = 'Show';
        return;
      }
      try {
        shown.textContent = (await post('value', { key: button.dataset.show })).value;
        button.setAttribute('aria-expanded', 'true');
        button.firstChild.textContent = 'Hide';
      } catch (error) { say(why(error)); }
    });
  });
  document.querySelectorAll('input[data-key]').forEach((input) => {
    input.addEventListener('paste', (event) => {
      if (!/[\r\n]/.test(event.clipboardData.getData('text').trim())) return;
      event.preventDefault(); // a field of one line would drop its line breaks
      say(`A value of several lines cannot be typed here. Deny, and set it yourself: claude-vault set SERVICE ${input.dataset.key}=@FILE`);
    });
  });
  document.querySelectorAll('button[data-see]').forEach((button) => {
    const input = $(button.dataset.see);
    button.addEventListener('click', () => {
      input.type = input.type === 'password' ? 'text' : 'password';
      button.firstChild.textContent = input.type === 'password' ? 'Show' : 'Hide';
    });
  });
  document.querySelectorAll('button[data-make]').forEach((button) => {
    button.addEventListener('click', () => {
      const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
      $(button.dataset.make).value = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => letters[byte % 64]).join('');
      say('A value was made. It is shown nowhere unless you choose Show.');
    });
  });

  const typed = () => Object.fromEntries(Array.from(document.querySelectorAll('input[data-key]'), (input) => [input.dataset.key, input.value]));
  const approve = async () => {
    if (proof === 'typed') return post('approve', { word: $('word').value, typed: typed() });
    if (proof === 'step-up') {
      const { location: there } = await post('step-up', { typed: typed() });
      window.location.assign(there);
      return new Promise(() => {});
    }
    const { challenge, passkeys } = await post('challenge', { typed: typed() });
    const answer = await navigator.credentials.get({
      publicKey: {
        challenge: bytes(challenge), rpId: 'localhost', userVerification: 'required', timeout: 120000,
        allowCredentials: passkeys.map((id) => ({ type: 'public-key', id: bytes(id) })),
      },
    });
    return post('approve', {
      assertion: {
        id: hex(answer.rawId), client_data: hex(answer.response.clientDataJSON),
        authenticator_data: hex(answer.response.authenticatorData), signature: hex(answer.response.signature),
      },
    });
  };
  const act = async (work) => {
    $('approve').disabled = true;
    try {
      await work();
      await look();
    } catch (error) { say(why(error)); }
    if (!over) $('approve').disabled = false;
  };
  $('answer').addEventListener('submit', (event) => { event.preventDefault(); act(approve); });
  $('deny').addEventListener('click', () => act(() => post('deny')));

  setInterval(() => {
    left -= 1;
    if (over) return;
    $('left').textContent = left > 90 ? `Expires in ${Math.round(left / 60)} min.` : `Expires in ${Math.max(left, 0)} s.`;
  }, 1000);
  follow();
  // Back from the sign-in with the page as it was left: its buttons would stay as they were.
  window.addEventListener('pageshow', (event) => { if (event.persisted) window.location.reload(); });
}

function enroll() {
  $('create').addEventListener('click', async () => {
    const { challenge, known, name, user } = main.dataset;
    try {
      const made = await navigator.credentials.create({
        publicKey: {
          challenge: bytes(challenge), rp: { id: 'localhost', name: 'claude-vault' },
          user: { id: bytes(user), name, displayName: name },
          pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
          authenticatorSelection: { userVerification: 'required', residentKey: 'discouraged' },
          excludeCredentials: known.split(' ').filter(Boolean).map((id) => ({ type: 'public-key', id: bytes(id) })),
          attestation: 'none', timeout: 120000,
        },
      });
      const { code } = await post('register', {
        registration: {
          id: hex(made.rawId), client_data: hex(made.response.clientDataJSON),
          authenticator_data: hex(made.response.getAuthenticatorData()), key: hex(made.response.getPublicKey()),
          algorithm: made.response.getPublicKeyAlgorithm(),
        },
      });
      $('create').disabled = true;
      say('Now type this code in the terminal: ');
      const shown = document.createElement('span');
      shown.className = 'code';
      shown.textContent = code;
      $('state').append(shown);
    } catch (error) {
      say(error.name === 'InvalidStateError' ? 'This passkey is enrolled already.' : why(error));
    }
  });
}

if ($('plan')) plan();
else enroll();
