/**
 * The page of the API: sends an operation's request, which can be changed before, and shows the answer.
 *
 *   [data-send]         the operation's method; its button opens the form, filled in from the command beside it
 *   #send-form          the template of the form
 */
const MOST_SHOWN = 64 * 1024; // characters of an answer
const dressing = /^'|'$/g;
let key = ""; // of the forms of this page, while it is open

for (const place of document.querySelectorAll("[data-send]")) {
  place.querySelector("button").addEventListener("click", () => open(place), { once: true });
}

function open(place) {
  const form = document.querySelector("#send-form").content.cloneNode(true).firstElementChild;
  const { target, body, credential } = form.elements;
  const request = requestOf(place.closest("article").querySelector("[data-kind=sample] code").textContent);
  target.value = request.target;
  body.value = inLines(request.body ?? "");
  body.closest(".field").hidden = request.body === undefined;
  credential.closest(".field").hidden = "open" in place.dataset;
  credential.value = key;
  place.replaceChildren(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    key = credential.value.trim();
    send(form, place.dataset.send, { ...request, target: target.value.trim(), body: request.body === undefined ? undefined : body.value });
  });
  target.focus();
}

/** requestOf reads what a curl command sends. Its arguments are words, or between single quotes. */
function requestOf(command) {
  const words = command.match(/'[^']*'|\S+/g).map((word) => word.replace(dressing, ""));
  const after = (flag) => words.filter((_, i) => words[i - 1] === flag);
  const url = new URL(words.find((word) => /^https?:/.test(word)) ?? location.origin);
  return { target: url.pathname + url.search, headers: after("-H").map((line) => line.split(": ")), body: after("-d")[0] };
}

async function send(form, method, { target, headers, body }) {
  const stop = new AbortController();
  const buttons = [form.querySelector("[type=submit]"), form.querySelector("[data-stop]")];
  const swap = () => buttons.forEach((button) => { button.hidden = !button.hidden; });
  const say = (text, level = "") => Object.assign(form.querySelector("output"), { textContent: text }).dataset.level = level;
  buttons[1].onclick = () => stop.abort();
  swap();
  say("Sending…");
  try {
    if (!target.startsWith("/") || target.startsWith("//")) throw new TypeError("the path must begin with one slash");
    const answer = await fetch(target, { method, body, signal: stop.signal, redirect: "manual",
      headers: key ? [...headers, ["Authorization", `Bearer ${key}`]] : headers });
    say(`${answer.status} ${answer.statusText}`, answer.ok ? "" : "bad");
    await show(answer, form.querySelector("pre"));
  } catch (error) {
    if (error.name !== "AbortError") say(`Not sent: ${error.message}`, "bad");
  }
  swap();
}

/** show shows an answer while it arrives, and JSON in lines. */
async function show(answer, pre) {
  const code = pre.firstElementChild;
  code.textContent = "";
  pre.hidden = false;
  if (!/json|text|yaml|javascript|typescript/.test(answer.headers.get("Content-Type") ?? "text")) {
    code.textContent = `${(await answer.arrayBuffer()).byteLength} bytes`;
    return;
  }
  for await (const text of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    code.append(text);
    if (code.textContent.length > MOST_SHOWN) {
      code.textContent = `${code.textContent.slice(0, MOST_SHOWN)}…`;
      return; // leaving the loop ends the request
    }
  }
  code.textContent = inLines(code.textContent) || "No content";
}

/** inLines indents JSON, and returns other text as it is. */
function inLines(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
