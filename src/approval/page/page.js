// The entry point of both pages. They insert all text from JSON as text nodes, so it never becomes
// markup.
import { enter, refusal } from './common.js';
import { approve } from './approve.js';
import { enroll } from './enroll.js';

const main = document.getElementById('main');
// A new address of this page was opened in this tab. Only its fragment differs, so the browser does
// not reload by itself.
addEventListener('hashchange', () => location.reload());
// If the person goes back from the sign-in, the browser restores the page as it was, which can show
// plans that have ended.
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
try {
  await enter();
  await (location.pathname === '/enroll' ? enroll : approve)(main);
} catch (error) {
  refusal(main, error);
}
