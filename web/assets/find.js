/**
 * One search over everything, in a dialog. What it finds is that of the page /admin/find.
 *
 *   #finder        opens the dialog; so does Ctrl+K
 *   #find-list     the results: up and down choose one, Enter opens it
 */
import { ROOT, byId, el, plural } from "./dom.js";

const PAUSE_MS = 150; // after the last key

let newest = 0; // searches so far
let timer = 0;
let chosen = -1;
const options = () => [...byId("find-list").querySelectorAll("[role=option]")];

/** openFinder shows the dialog. */
export function openFinder(text = "") {
  const dialog = document.querySelector("#find");
  if (!dialog || dialog.open) return;
  byId("find-field").value = text;
  dialog.showModal();
  search();
}

/** helpToFind looks after the head's search and the dialog. */
export function helpToFind() {
  const form = document.querySelector("#finder");
  if (!form) return;
  const open = (event) => {
    event.preventDefault();
    openFinder();
  };
  form.addEventListener("click", open);
  form.addEventListener("submit", open);
  byId("finder-field").addEventListener("input", ({ target }) => {
    openFinder(target.value);
    target.value = "";
  });
  byId("find-field").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MS);
  });
  byId("find").addEventListener("keydown", onKey);
  byId("find").addEventListener("click", ({ target }) => target === byId("find") && byId("find").close());
}

function onKey(event) {
  const all = options();
  const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1 }[event.key];
  if (to !== undefined) choose((to + all.length) % (all.length || 1));
  else if (event.key === "Enter" && event.target === byId("find-field")) all[Math.max(chosen, 0)]?.click();
  else return;
  event.preventDefault();
}

function choose(i) {
  chosen = i;
  options().forEach((option, at) => option.setAttribute("aria-selected", String(at === i)));
  const option = options()[i];
  option?.scrollIntoView({ block: "nearest" });
  if (option) byId("find-field").setAttribute("aria-activedescendant", option.id);
  else byId("find-field").removeAttribute("aria-activedescendant");
}

async function search() {
  clearTimeout(timer);
  const turn = ++newest;
  const found = await resultsOf(byId("find-field").value);
  if (turn !== newest || !found) return;
  const list = byId("find-list");
  list.replaceChildren(...[...found.children].map(groupOf));
  options().forEach((option, i) => {
    option.id = `find-option-${i}`;
  });
  choose(options().length ? 0 : -1);
  byId("find-count").textContent = plural(options().length, "result");
}

/** groupOf returns a section of the page as a group of options. */
function groupOf(section) {
  const head = section.querySelector("h2");
  if (!head) return document.adoptNode(section); // nothing was found
  const links = [...section.querySelectorAll("a")].map((link) => {
    const option = document.adoptNode(link);
    option.setAttribute("role", "option");
    option.tabIndex = -1;
    return option;
  });
  const label = el("h2", { "aria-hidden": "true" }, head.textContent);
  return el("div", { role: "group", "aria-label": head.textContent }, label, ...links);
}

async function resultsOf(text) {
  try {
    const answer = await fetch(`${ROOT}/admin/find?q=${encodeURIComponent(text)}`);
    if (answer.redirected) location.reload(); // logged out
    if (!answer.ok || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"); // nothing runs in it
    for (const link of page.querySelectorAll("a[href]")) link.href = new URL(link.getAttribute("href"), answer.url).href;
    return page.querySelector("#find-results");
  } catch {
    return null; // the page says that the connection is lost
  }
}
