// A card with one plan, for the person to judge.
import { assertion, code, hidden, make, name, post, why } from './common.js';

const SINK = 8000; // milliseconds
const COVERED = '••••••••';
const ASKED = {
  write: ({ base }) => ['Write to Vault?', base === 0 ? 'create' : 'update'],
  inject: () => ['Write this file?', 'write'],
  show: () => ['Show these values to the assistant?', 'show'],
  copy: () => ['Copy this service?', 'copy'],
  rename: () => ['Rename this service?', 'rename'],
  delete: () => ['Delete this version?', 'delete'],
  undelete: () => ['Bring this version back?', 'undelete'],
  destroy: () => ['Destroy this permanently?', 'destroy permanently'],
};
const APPROVE = { typed: 'Approve', passkey: 'Approve with passkey', 'step-up': 'Sign in to approve' };
let count = 0;

export class Card {
  constructor(plan) {
    count += 1;
    Object.assign(this, { plan, number: count, waits: true, ends: Date.now() + plan.seconds_left * 1000 });
    this.heading = make('h2', { id: `h${count}`, tabIndex: -1 });
    this.left = make('span', { className: 'left' });
    this.state = make('p', { className: 'state', role: 'status', 'aria-live': 'polite' });
    this.body = make('div', {}, ...this.content());
    this.element = make('article', { 'aria-labelledby': this.heading.id }, this.heading, ...this.head(), this.body, this.state);
    [this.title] = this.words();
    this.heading.textContent = this.title;
    this.tick();
    this.update(plan);
  }

  words() {
    const asked = ASKED[this.plan.asked];
    return asked ? asked(this.plan) : ['Allow this?', this.plan.asked.replaceAll('_', ' ')];
  }

  head() {
    const { plan } = this;
    const path = make('p', { className: 'path' }, make('span', { className: 'verb' }, this.words()[1]), ' ', code(plan.path));
    const version = plan.asked === 'write' ? `version ${plan.base} becomes ${plan.base + 1}` : `version ${plan.base}`;
    if (plan.base > 0) path.append(' ', make('span', { className: 'quiet' }, version));
    const who = make('p', { className: 'who' });
    if (['write', 'copy', 'rename', 'delete', 'undelete', 'destroy'].includes(plan.asked)) who.append('In the Vault at ', code(plan.vault), '. ');
    const { kind, tool, command, marker } = plan.asked_by;
    if (kind === 'client') who.append('Asked by a program that calls itself ', name(plan.asked_by.name), ', by its tool ', code(tool), '. ');
    else if (kind === 'agent') who.append('Asked by the command ', code(`claude-vault ${command}`), ', which an AI agent ran (', code(marker), ' is set). ');
    else who.append('Asked by the command ', code(`claude-vault ${command}`), ' in your own shell. ');
    who.append(this.left);
    return [path, who];
  }

  content() {
    const { plan } = this;
    const parts = [];
    if (plan.obstacle) parts.push(make('p', { className: 'obstacle' }, make('b', {}, 'This cannot be done: '), make('bdi', {}, plan.obstacle)));
    if (plan.warnings.length) {
      parts.push(make('ul', { className: 'warnings', 'aria-label': 'Warnings' }, ...plan.warnings.map((text) => make('li', {}, make('bdi', {}, text)))));
    }
    if (plan.keys.length) parts.push(this.table());
    parts.push(...plan.metadata.map((words) => make('p', {}, 'Metadata of the service: ', make('bdi', {}, words))));
    if (plan.untouched === 1) parts.push(make('p', { className: 'quiet' }, '1 other key stays as it is.'));
    if (plan.untouched > 1) parts.push(make('p', { className: 'quiet' }, `${plan.untouched} other keys stay as they are.`));
    if (plan.keys.some(({ value }) => value === 'never')) {
      parts.push(make('p', { className: 'quiet' }, 'The values stay covered here: you approve this change by signing in again, which does not show them.'));
    }
    if (plan.keys.some(({ value }) => value === 'typed') && !plan.obstacle) {
      parts.push(make('p', { className: 'note' }, 'You type the values above. The program that asks chose their names: type only what you want stored in ', code(plan.path), '.'));
    }
    parts.push(...plan.files.map((file) => this.file(file)), plan.obstacle ? this.closing() : this.form());
    return parts;
  }

  table() {
    const head = ['Key', 'Change', 'New value'].map((text) => make('th', { scope: 'col' }, text));
    const rows = this.plan.keys.map((key, at) => make('tr', {},
      make('td', {}, code(key.name)), make('td', {}, key.change), make('td', {}, ...this.value(key, at))));
    return make('table', {},
      make('caption', { className: 'hidden' }, 'Keys and their new values'),
      make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...rows));
  }

  value(key, at) {
    const of = () => hidden(` the value of ${key.name}`);
    if (key.change === 'removed') return [];
    if (this.plan.obstacle || key.value === 'none') return [make('span', { className: 'quiet' }, 'not shown here')];
    if (key.value === 'typed') return this.typing(key, at, of);
    const shown = make('span', { className: 'value' }, COVERED);
    if (key.value === 'never') return [shown];
    const button = make('button', { type: 'button', 'aria-expanded': 'false', onclick: () => this.uncover(button, shown, at) }, 'Show', of());
    return [shown, button];
  }

  typing(key, at, of) {
    const id = `v${this.number}-${at}`;
    const input = make('input', { id, type: 'password', autocomplete: 'new-password', maxLength: 65536 });
    input.dataset.key = key.name;
    input.addEventListener('paste', (event) => {
      if (!/[\r\n]/.test(event.clipboardData.getData('text').trim())) return;
      event.preventDefault(); // a field of one line would drop its line breaks
      this.say(`A value of several lines cannot be typed here. Deny, and set it yourself: claude-vault set SERVICE ${key.name}=@FILE`);
    });
    const generate = () => {
      const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
      input.value = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => letters[byte % 64]).join('');
      this.say('A value was generated. It stays hidden unless you choose Show.');
    };
    const see = make('button', { type: 'button', onclick: () => {
      input.type = input.type === 'password' ? 'text' : 'password';
      see.firstChild.textContent = input.type === 'password' ? 'Show' : 'Hide';
    } }, 'Show', of());
    return [make('label', { className: 'hidden', htmlFor: id }, `Value of ${key.name}`), input,
      make('button', { type: 'button', onclick: generate }, 'Generate', of()), see];
  }

  file({ path, text, note }) {
    return make('section', { className: 'file' }, make('h3', {}, 'File ', code(path)), make('p', { className: 'quiet' }, make('bdi', {}, note)),
      text ? make('pre', { dir: 'auto' }, text) : make('p', { className: 'quiet' }, '(empty)'));
  }

  form() {
    const { proof } = this.plan;
    const form = make('form', { onsubmit: (event) => {
      event.preventDefault();
      this.act(() => this.approve());
    } });
    if (proof === 'typed') {
      this.word = make('input', { id: `word${this.number}`, className: 'word', autocomplete: 'off', autocapitalize: 'none', spellcheck: false });
      form.append(make('p', {}, make('label', {}, 'Type ', make('b', {}, this.plan.word), ' to approve ', this.word)));
    }
    const of = () => hidden(` ${this.plan.path}`);
    form.append(make('div', { className: 'buttons' },
      make('button', { type: 'submit', className: 'approve' }, APPROVE[proof] ?? 'Approve', of()),
      make('button', { type: 'button', className: 'deny', onclick: () => this.act(() => this.send('deny')) }, 'Deny', of())));
    return form;
  }

  closing() {
    return make('div', { className: 'buttons' },
      make('button', { type: 'button', className: 'deny', onclick: () => this.act(() => this.send('deny')) }, 'Close'));
  }

  send(what, body) {
    return post(`plan/${this.plan.id}/${what}`, body);
  }

  // Sets the text only if it changed: a screen reader announces each change.
  say(text) {
    if (this.state.textContent !== text) this.state.textContent = text;
  }

  async act(work) {
    if (this.busy || this.held) return;
    this.busy = true;
    this.enable();
    try {
      await work();
    } catch (error) {
      this.say(why(error));
    }
    this.busy = false;
    this.enable();
  }

  hold(held) {
    this.held = held;
    this.enable();
  }

  enable() {
    this.body.querySelectorAll('button').forEach((button) => { button.disabled = Boolean(this.busy || this.held || !this.waits); });
  }

  typed() {
    return Object.fromEntries(Array.from(this.body.querySelectorAll('input[data-key]'), (input) => [input.dataset.key, input.value]));
  }

  async approve() {
    const { proof } = this.plan;
    if (proof === 'typed') return this.send('approve', { word: this.word.value, typed: this.typed() });
    if (proof === 'step-up') {
      const { location: there } = await this.send('step-up', { typed: this.typed() });
      location.assign(there);
      return new Promise(() => {});
    }
    return this.send('approve', { assertion: await assertion(await this.send('challenge', { typed: this.typed() })) });
  }

  uncover(button, shown, key) {
    const is = (text, expanded, label) => {
      shown.textContent = text;
      button.setAttribute('aria-expanded', expanded);
      button.firstChild.textContent = label;
    };
    if (button.getAttribute('aria-expanded') === 'true') {
      is(COVERED, 'false', 'Show');
      return;
    }
    this.act(async () => {
      if (this.plan.proof === 'passkey' && !this.uncovered) {
        await this.send('uncover', { assertion: await assertion(await this.send('uncover-challenge')) });
        this.uncovered = true;
      }
      is((await this.send('value', { key })).value, 'true', 'Hide');
    });
  }

  // Returns whether something on the page moved.
  update(plan) {
    const { stage, detail } = plan;
    this.plan = { ...plan, files: this.plan.files };
    if (!this.waits) return false;
    if (stage === 'waiting') {
      if (plan.notice) this.say(plan.notice);
      return false;
    }
    if (stage === 'approved') this.say('Approved. It is being done …');
    else if (stage === 'denied') return plan.obstacle ? this.finish('Closed', 'Closed. Nothing was done.') : this.finish('Denied', 'Denied. Nothing was done.');
    else if (stage === 'expired') return this.finish('Expired', 'This change no longer waits for an answer. Nothing was done.');
    else if (stage === 'done') return this.finish('Done', detail ? `Done: it is version ${detail} now. You can close this page.` : 'Done. You can close this page.');
    else if (stage === 'conflict') return this.finish('Changed in the meantime', 'Someone else changed it in the meantime. Nothing was written. You will be asked again.');
    else if (stage === 'failed') return this.finish('Not done', `Approved, but not done: ${detail}.`);
    else return this.finish('Outcome unknown', `Approved, but the outcome is unknown: ${detail}. Check with: claude-vault list`);
    return false;
  }

  finish(title, text) {
    const had = this.element.contains(document.activeElement);
    Object.assign(this, { waits: false, title });
    this.heading.textContent = title;
    this.left.textContent = '';
    this.body.replaceChildren(); // also removes shown and typed values
    this.element.classList.add('over');
    this.say(text);
    if (had) this.heading.focus();
    setTimeout(() => this.sink(), this.element.isConnected ? SINK : 0);
    return true;
  }

  // Moves an ended plan below the plans that wait.
  sink() {
    this.element.classList.add('sunk');
    this.element.dispatchEvent(new Event('moved', { bubbles: true }));
  }

  // The program has ended.
  gone() {
    if (!this.waits) return;
    if (this.plan.stage === 'approved') this.finish('Outcome unknown', 'Approved, but the program ended before it reported the outcome. Check with: claude-vault list');
    else this.finish('Expired', 'The program that asked has ended. Nothing was done.');
  }

  tick() {
    if (!this.waits) return;
    const left = Math.max(0, Math.round((this.ends - Date.now()) / 1000));
    this.left.textContent = left > 90 ? `Expires in ${Math.round(left / 60)} min.` : `Expires in ${left} s.`;
  }
}
