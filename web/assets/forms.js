/**
 * Forms of the admin pages: JSON is checked while it is typed, and what was sent is there again.
 *
 *   [data-json="#id"]   says whether the field has valid JSON; its [data-format] button indents it
 *   #flash, [aria-invalid]   get the focus: the result of an action, or the field that is wrong
 *   form[data-zone]     its times are of the viewer's zone
 *   form[data-keep]     keeps its values in this tab; Ctrl+Enter in it sends it
 */
import { ROOT, parseJSON } from "./dom.js";

/** helpWithForms looks after the page's forms. */
export function helpWithForms() {
  showResult();
  document.querySelectorAll("form[data-zone]").forEach(useZone);
  document.querySelectorAll("[data-json]").forEach(checkJSON);
  document.querySelectorAll("form[data-keep]").forEach(keep);
}

/** showResult leads to the result of an action, which is read out then. Its page gets back its own address. */
function showResult() {
  const wrong = document.querySelector('main [aria-invalid="true"]');
  const result = wrong ?? document.querySelector("#flash");
  result?.focus({ preventScroll: !wrong });
  const page = document.body.dataset.live && new URL(ROOT + document.body.dataset.live);
  if (!wrong || !page || page.pathname === location.pathname) return;
  page.searchParams.delete("since");
  history.replaceState(null, "", page);
}

function useZone(form) {
  form.elements.zone.value = -new Date().getTimezoneOffset();
  for (const zone of form.querySelectorAll(".zone")) zone.textContent = "your time";
}

function checkJSON(tools) {
  const field = document.querySelector(tools.dataset.json);
  const output = tools.querySelector("output");
  const button = tools.querySelector("[data-format]");
  const isText = () => field.form.elements.text?.checked && field.name === "payload";
  const check = () => {
    const wrong = isText() || !field.value.trim() ? "" : jsonFault(field.value);
    output.textContent = isText() ? "Sent as text" : wrong || (field.value.trim() ? "Valid JSON" : "");
    output.dataset.level = wrong ? "bad" : "";
    field.ariaInvalid = wrong ? "true" : "false";
    button.disabled = Boolean(wrong) || isText() || !field.value.trim();
  };
  button.addEventListener("click", () => {
    field.value = JSON.stringify(parseJSON(field.value), null, 2);
    check();
  });
  field.form.addEventListener("input", check);
  if (field.value) check();
}

/** jsonFault returns where a text stops being JSON, "" for JSON. */
function jsonFault(text) {
  try {
    JSON.parse(text);
    return "";
  } catch ({ message }) {
    const [, line, column] = /line (\d+) column (\d+)/.exec(message) ?? place(text, /position (\d+)/.exec(message)?.[1]);
    return `Not JSON: line ${line}, column ${column}`;
  }
}

function place(text, position) {
  const lines = text.slice(0, position ?? text.length).split("\n");
  return [null, lines.length, lines.at(-1).length + 1];
}

function keep(form) {
  const key = `form ${form.action}`;
  const fields = [...form.elements].filter(({ name, type }) => name && ["text", "textarea"].includes(type));
  const save = ({ isTrusted }) => {
    if (isTrusted) sessionStorage.setItem(key, JSON.stringify(fields.map(({ value }) => value)));
  };
  form.addEventListener("input", save);
  form.addEventListener("submit", save);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  const values = parseJSON(sessionStorage.getItem(key) ?? "") ?? [];
  if (fields.some(({ value }) => value)) return; // the server returned the form with what is wrong
  fields.forEach((field, i) => {
    field.value = values[i] ?? "";
  });
  form.dispatchEvent(new Event("input"));
}
