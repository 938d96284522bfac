/**
 * Publisher is the publish form. It can collect events in a batch; Publish sends the batch and the
 * event in the form in one request, which the server accepts whole or
 * not at all.
 */
import { errorOf } from "../rollcall.js";
import { ROOT, byId, el, parseJSON, plural, visible } from "./dom.js";

export class Publisher {
  #form = byId("publish-form");
  #channel = byId("publish-channel");
  #type = byId("publish-type");
  #payload = byId("publish-payload");
  #list = byId("publish-batch");
  #send = byId("publish-send");
  #result = byId("publish-result");
  #batch = [];
  #busy = false;
  #onChange;
  #onSend;

  /**
   * onChange() is called when the events to be sent have changed; onSend(events) just before they
   * are sent, so that the page can listen to their types.
   */
  constructor({ onChange, onSend }) {
    this.#onChange = onChange;
    this.#onSend = onSend;
    this.#form.addEventListener("input", () => this.#changed());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish();
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#form.requestSubmit();
    });
    byId("publish-add").addEventListener("click", () => this.#add());
    this.#refresh();
  }

  /** events returns the events that Publish would send now, in order. */
  events() {
    // After the first event of a batch, an empty payload means that there is no other event.
    const last = this.#batch.length && this.#payload.value === "" ? [] : [this.#current()];
    return [...this.#batch, ...last];
  }

  /** suggest offers channels and types, and fills in the first channel if the field is empty. */
  suggest(channels, types) {
    byId("channel-names").replaceChildren(...channels.map((name) => el("option", { value: name })));
    byId("type-names").replaceChildren(...types.map((type) => el("option", { value: type })));
    if (this.#channel.value === "" && channels.length) this.#channel.value = channels[0];
    this.#changed();
  }

  #current() {
    return { channelName: this.#channel.value.trim(), type: this.#type.value.trim(), payload: valueOf(this.#payload.value) };
  }

  #add() {
    this.#batch.push(this.#current());
    this.#payload.value = "";
    this.#changed();
    this.#payload.focus();
  }

  #remove(index) {
    this.#batch.splice(index, 1);
    this.#changed();
    this.#payload.focus();
  }

  #changed() {
    this.#refresh();
    this.#onChange();
  }

  #refresh() {
    const written = this.#payload.value;
    byId("payload-kind").textContent = written === "" ? "" : `sent as ${kindOf(valueOf(written))}`;
    const count = this.events().length;
    this.#send.textContent = this.#batch.length ? `Publish ${plural(count, "event")}` : "Publish";
    this.#list.hidden = this.#batch.length === 0;
    this.#list.replaceChildren(...this.#batch.map((event, index) => this.#row(event, index)));
    this.#mark("");
  }

  #row(event, index) {
    const label = `Remove event ${index + 1} from the batch`;
    const remove = el("button", { type: "button", class: "button quiet small", "aria-label": label }, "×");
    remove.addEventListener("click", () => this.#remove(index));
    return el(
      "li",
      {},
      el("span", { class: "badge", "data-tone": "accent" }, visible(event.type) || "–"),
      el("span", { class: "mono batch-channel", dir: "auto" }, visible(event.channelName) || "–"),
      el("code", { class: "batch-payload", dir: "auto" }, visible(textOf(event.payload))),
      remove,
    );
  }

  async #publish() {
    if (this.#busy) return;
    const events = this.events();
    this.#busy = true;
    this.#send.setAttribute("aria-busy", "true");
    this.#onSend(events);
    try {
      const response = await fetch(`${ROOT}/publish`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ events }),
      });
      if (response.ok) this.#published(events, (await response.json()).events ?? []);
      else this.#refused(await errorOf(response));
    } catch {
      this.#refused({ message: "the server can't be reached" });
    } finally {
      this.#busy = false;
      this.#send.removeAttribute("aria-busy");
    }
  }

  #published(events, accepted) {
    const hadBatch = this.#batch.length > 0;
    this.#batch = [];
    this.#changed();
    if (hadBatch) this.#payload.focus();
    const ids = accepted.map((event) => event.id);
    const range = ids.length > 1 ? `${ids[0]} … ${ids[ids.length - 1]}` : (ids[0] ?? "");
    this.#show("ok", `Published ${plural(events.length, "event")}`, el("code", {}, range));
  }

  #refused({ code = "", message, field = "" }) {
    const named = message.includes(field || code);
    this.#show("error", message, named ? null : el("code", {}, field || code));
    this.#mark(field);
  }

  /** Marks the input, or the row of the batch, that the error's field names: "events[2].type". */
  #mark(field) {
    const [, index, name] = /^events\[(\d+)\](?:\.(\w+))?/.exec(field) ?? [];
    const isCurrent = index !== undefined && Number(index) >= this.#batch.length;
    const inputs = { channelName: this.#channel, type: this.#type, payload: this.#payload };
    for (const [key, input] of Object.entries(inputs)) {
      if (isCurrent && key === name) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    [...this.#list.children].forEach((row, at) => row.classList.toggle("is-invalid", !isCurrent && at === Number(index)));
  }

  #show(state, words, detail) {
    this.#result.dataset.state = state;
    this.#result.replaceChildren(el("span", { dir: "auto" }, visible(words)), ...(detail ? [" ", detail] : []));
  }
}

function textOf(payload) {
  return typeof payload === "string" ? payload : JSON.stringify(payload);
}

/** valueOf returns the value of a typed payload: that of the JSON, else the text. */
function valueOf(written) {
  const value = parseJSON(written);
  return value === undefined ? written : value;
}

function kindOf(value) {
  if (value === null) return "JSON null";
  if (Array.isArray(value)) return "a JSON array";
  return { object: "a JSON object", number: "a JSON number", boolean: "a JSON boolean" }[typeof value] ?? "text";
}
