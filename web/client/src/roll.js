/** Roll holds the members of the stream's channels, and all online clients. */
export class Roll {
  online = []; // clientIds
  #members = new Map(); // channel → Map of clientId → info

  has(channel) {
    return this.#members.has(channel);
  }

  members(channel) {
    return this.#members.get(channel) ?? new Map();
  }

  /** apply applies a presence or online-presence event, and ignores others. */
  apply({ type, channel, payload }) {
    if (type === "online-presence") this.online = payload;
    if (type === "presence") this.#change(channel, payload);
  }

  #change(channel, { action, members = [], member = {} }) {
    if (action === "snapshot") {
      this.#members.set(channel, new Map(members.map(({ clientId, info }) => [clientId, info])));
    } else if (action === "leave") {
      this.members(channel).delete(member.clientId);
    } else {
      this.#members.set(channel, this.members(channel).set(member.clientId, member.info));
    }
  }

  /** snapshot returns the payload of a presence event that names all members of a channel. */
  snapshot(channel) {
    const members = [...this.members(channel)].map(([clientId, info]) => ({ clientId, info }));
    return { action: "snapshot", members };
  }

  /** copy and replace transfer a roll to another page. */
  copy() {
    return { rosters: this.#members, online: this.online };
  }

  replace({ rosters, online }) {
    this.#members = rosters;
    this.online = online;
  }
}
