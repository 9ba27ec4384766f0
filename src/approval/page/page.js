// The start of both pages. They build everything from JSON with textContent: no text becomes markup.
import { enter, refusal } from './common.js';
import { approve } from './approve.js';
import { enroll } from './enroll.js';

const main = document.getElementById('main');
// Another address for the page that is open here already: only its fragment differs.
addEventListener('hashchange', () => location.reload());
// Back from the sign-in with the page as it was left: it would show what is long over.
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
try {
  await enter();
  await (location.pathname === '/enroll' ? enroll : approve)(main);
} catch (error) {
  refusal(main, error);
}
