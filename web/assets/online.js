/**
 * Online shows the online clients, from two sources: the server's presence stream (a snapshot, then joins
 * and leaves), which takes precedence while it is live, and the online-presence events of the page's
 * own subscription, which fill in otherwise.
 *
 * Over HTTP/1.1 a browser has six connections to a server for all its tabs. A hidden tab closes
 * its presence stream.
 */
import { EventStream, payloadOf } from "../rollcall.js";
import { ROOT, byId, clock, el, everyFrame, parseJSON, plural, visible } from "./dom.js";

const MAX_SHOWN = 50;

export class Online {
  #list = byId("online-list");
  #clients = new Map(); // clientId → {connections, since, info}, each if known
  #count = 0; // from the server: the map may hold fewer
  #me = "";
  #live = false;
  #draw = everyFrame(() => this.#render());
  #stream = new EventStream({
    address: (lastId) => `${ROOT}/presence/stream${lastId ? `?lastEventId=${encodeURIComponent(lastId)}` : ""}`,
    types: ["snapshot", "join", "leave", "update"],
    onEvent: ({ type, data }) => this.#apply(type, payloadOf(data)),
    onState: ({ state }) => {
      this.#live = state === "live";
      byId("online-source").textContent = this.#live ? "live" : "";
    },
  });

  /** watch keeps the presence stream open while the page is visible. */
  watch() {
    const follow = () => (document.hidden ? this.#stream.close() : this.#stream.open({ resume: true }));
    document.addEventListener("visibilitychange", follow);
    follow();
  }

  /** Names the page's own client, "" for none; it is listed first. */
  set me(clientId) {
    this.#me = clientId;
    this.#draw();
  }

  /** take replaces the list by client ids, unless the presence stream is live. */
  take(ids) {
    if (this.#live || !Array.isArray(ids)) return;
    const before = this.#clients;
    this.#clients = new Map(ids.map((id) => [String(id), before.get(String(id)) ?? {}]));
    this.#count = this.#clients.size;
    this.#draw();
  }

  #apply(type, change) {
    if (change === null || typeof change !== "object") return;
    const { clients = [], clientId, channelName, online } = change;
    if (type === "snapshot") {
      this.#clients = new Map(clients.map((client) => [String(client.clientId ?? client), describe(client)]));
    } else if (type === "leave") {
      if (!channelName) this.#clients.delete(clientId);
    } else if (type === "join" || type === "update") {
      const known = describe(type === "join" ? { connectedAt: change.timestamp, ...change } : change);
      this.#clients.set(clientId, { ...this.#clients.get(clientId), ...known });
    } else {
      return;
    }
    this.#count = Number.isInteger(online) ? online : this.#clients.size;
    this.#draw();
  }

  #render() {
    byId("online-count").textContent = this.#count.toLocaleString();
    const ids = [...this.#clients.keys()].sort((a, b) => (b === this.#me) - (a === this.#me) || a.localeCompare(b));
    const shown = ids.slice(0, MAX_SHOWN);
    this.#list.replaceChildren(...shown.map((id) => this.#row(id)));
    byId("online-empty").hidden = shown.length > 0;
    this.#list.hidden = shown.length === 0;
    const more = byId("online-more");
    more.hidden = this.#count <= shown.length;
    more.textContent = `and ${(this.#count - shown.length).toLocaleString()} more`;
  }

  #row(id) {
    const { connections, since, info } = this.#clients.get(id);
    return el(
      "li",
      { "data-client": id },
      el("span", { class: "presence-dot", "aria-hidden": "true" }),
      el("span", { class: "people-name mono", title: visible(id), dir: "auto" }, visible(id)),
      id === this.#me ? el("span", { class: "badge", "data-tone": "accent" }, "you") : null,
      info ? el("span", { class: "people-info muted", title: visible(info), dir: "auto" }, visible(info)) : null,
      el("span", { class: "spacer" }),
      connections > 1 ? el("span", { class: "muted small" }, plural(connections, "connection")) : null,
      since ? joined(since) : null,
    );
  }
}

function joined(since) {
  const attributes = { class: "muted small", datetime: since.toISOString(), title: since.toString() };
  return el("time", attributes, `joined ${clock(since).slice(0, 5)}`);
}

/** describe returns the parts of a client that a row shows. */
function describe({ connections, connectedAt, info } = {}) {
  const known = {};
  if (Number.isInteger(connections)) known.connections = connections;
  const since = new Date(connectedAt ?? NaN);
  if (!Number.isNaN(since.getTime())) known.since = since;
  const details = typeof info === "string" ? (parseJSON(info) ?? info) : info;
  if (details && typeof details === "object" && Object.keys(details).length) {
    known.info = typeof details.name === "string" ? details.name : JSON.stringify(details);
  }
  return known;
}
