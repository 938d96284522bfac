// Chats of the AI SDK over the transport of docs/answers.md: node chat.mjs TRANSPORT SERVER API. It is told on its standard input what
// to do, such as "send ada hello" and "resume bob", and prints each chat's last message whenever it changes.
import { createInterface } from "node:readline";
import { AbstractChat } from "ai";
import { EventSource } from "eventsource";

globalThis.EventSource = EventSource; // which browsers have
const [transport, server, api] = process.argv.slice(2);
const { RollcallTransport } = await import(transport);

class State {
  status = "ready";
  error = undefined;
  messages = [];

  pushMessage(message) {
    this.messages.push(message);
  }

  popMessage() {
    this.messages.pop();
  }

  replaceMessage(index, message) {
    this.messages[index] = message;
  }

  snapshot(value) {
    return structuredClone(value);
  }
}

class Chat extends AbstractChat {
  constructor(name) {
    const state = new State();
    super({ id: "7", transport: new RollcallTransport(server, api), state, onError: (error) => console.error(error) });
    const report = () => {
      const { role, parts = [] } = state.messages.at(-1) ?? {};
      const text = parts.map((part) => part.text ?? "").join("");
      console.log(JSON.stringify({ name, role: role ?? "", text, status: state.status, messages: state.messages.length }));
    };
    for (const property of ["status", "messages"]) watch(state, property, report);
    for (const method of ["pushMessage", "replaceMessage"]) {
      const change = state[method].bind(state);
      state[method] = (...args) => (change(...args), report());
    }
  }
}

function watch(object, property, report) {
  let value = object[property];
  Object.defineProperty(object, property, { get: () => value, set: (next) => ((value = next), report()) });
}

const chats = {};
for await (const line of createInterface({ input: process.stdin })) {
  const [command, name, text] = line.split(" ");
  const chat = (chats[name] ??= new Chat(name));
  if (command === "send") chat.sendMessage({ text });
  if (command === "resume") chat.resumeStream().then(() => console.log(JSON.stringify({ name, resumed: true })));
}
