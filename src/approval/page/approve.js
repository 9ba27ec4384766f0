// The page that lists the changes that wait. Its constant polling also shows the program that the
// page is open.
import { Refusal, make, post, refusal } from './common.js';
import { Card } from './plan.js';

const RETRY = 500; // milliseconds
const RETRIES = 6;

export async function approve(main) {
  const heading = make('h1', {}, 'claude-vault');
  const list = make('div', { id: 'plans' });
  const cards = new Map();
  let settle = 500;
  let timer;

  // Disables all buttons for a moment: the layout moved, so another button may be under the
  // pointer.
  const hold = () => {
    cards.forEach((card) => card.hold(true));
    clearTimeout(timer);
    timer = setTimeout(() => {
      cards.forEach((card) => card.hold(false));
    }, settle + 100);
  };

  const show = (plans) => {
    let moved = false;
    for (const plan of plans) {
      settle = plan.settle;
      const card = cards.get(plan.id);
      if (card) moved = card.update(plan) || moved;
      else {
        moved = true;
        cards.set(plan.id, new Card(plan));
        list.append(cards.get(plan.id).element);
      }
    }
    for (const [id, card] of cards) {
      if (plans.some((plan) => plan.id === id)) continue;
      moved = true;
      card.element.remove();
      cards.delete(id);
    }
    entitle();
    if (moved) hold();
  };

  const entitle = () => {
    const waiting = [...cards.values()].filter((card) => card.waits);
    const last = [...cards.values()].at(-1);
    const count = waiting.length;
    document.title = count > 1 ? `(${count}) Changes wait for you` : (waiting[0] ?? last)?.title ?? 'Nothing waits';
    const text = count > 1 ? `${count} changes wait for you` : count === 1 ? 'A change waits for you' : 'Nothing waits for you';
    if (heading.textContent !== text) heading.textContent = text;
  };

  const ended = () => {
    cards.forEach((card) => card.gone());
    entitle();
    main.append(make('p', { className: 'quiet', role: 'status' }, 'The program that asked has ended. You can close this page.'));
  };

  main.replaceChildren(heading, list);
  list.addEventListener('moved', hold);
  document.addEventListener('visibilitychange', hold);
  setInterval(() => cards.forEach((card) => card.tick()), 1000);
  let seen = null;
  for (let failed = 0; failed < RETRIES;) {
    try {
      const { revision, plans } = await post('list', { seen });
      [seen, failed] = [revision, 0];
      show(plans);
    } catch (error) {
      if (error instanceof Refusal) {
        refusal(main, error);
        return;
      }
      failed += 1;
      await new Promise((go) => { setTimeout(go, RETRY); });
    }
  }
  ended();
}
