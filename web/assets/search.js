/**
 * Searches of the admin pages: what matches is shown while it is typed.
 *
 *   form.search      its list, and the rest of the page below the head, is replaced by that of the search
 *   a[data-term]     adds a term to the search
 */
import { dressed } from "./ages.js";
import { follow } from "./live.js";

const PAUSE_MS = 250; // after the last key

/** searchAsTyped looks after the page's search form. */
export function searchAsTyped() {
  const form = document.querySelector("form.search");
  let timer = 0;
  let newest = 0; // searches so far
  form?.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MS);
  });
  addEventListener("click", (event) => {
    const term = event.target.closest("[data-term]")?.dataset.term;
    if (!form || !term || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const field = form.elements.q;
    field.value = `${field.value.trim()} ${term}`.trim();
    event.target.closest("details").open = false;
    field.focus();
    field.setSelectionRange(field.value.length - term.length + term.indexOf(":") + 1, field.value.length);
    search();
  });

  async function search() {
    const turn = ++newest;
    const url = new URL(form.action);
    for (const [name, value] of new FormData(form)) if (value) url.searchParams.set(name, value);
    const markup = await pageAt(url);
    if (turn !== newest || !markup) return;
    const page = new DOMParser().parseFromString(markup, "text/html"); // nothing runs in it
    showBelowHead(page.querySelector("main"));
    history.replaceState(null, "", url);
    follow(page.body.dataset.live);
  }
}

async function pageAt(url) {
  try {
    const answer = await fetch(url);
    return answer.ok && !answer.redirected ? await answer.text() : "";
  } catch {
    return ""; // the page says that the connection is lost
  }
}

/** showBelowHead replaces what is beside the page's head, which has the form and its focus. */
function showBelowHead(wanted) {
  const main = document.querySelector("main");
  const head = main.querySelector(".page-head");
  for (const part of [...main.children]) if (part !== head) part.remove();
  let at = null;
  for (const part of [...wanted.children].reverse()) {
    if (part.matches(".page-head")) at = head;
    else main.insertBefore(dressed(document.adoptNode(part)), at);
    if (part.parentNode === main) at = part;
  }
}
