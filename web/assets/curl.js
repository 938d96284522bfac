/**
 * The curl lines: fills their slots from what the page is set to, and copies a line on request.
 */
import { ROOT, byId, visible } from "./dom.js";

/** fillCommands puts the page's channels and the events to be published into the curl lines. */
export function fillCommands({ channels, events }) {
  fillSlots({
    base: quoted(ROOT),
    channels: channels.map(encoded).join(","),
    channel: encoded(channels[0] ?? ""),
    batch: quoted(visible(JSON.stringify({ events }))),
  });
}

/** fillSlots puts texts into the slots of these names; each must be escaped for its place. */
export function fillSlots(slots) {
  for (const slot of byId("curl").querySelectorAll("[data-slot]")) {
    slot.textContent = slots[slot.dataset.slot] ?? slot.textContent;
  }
}

/** wireCopyButtons makes each copy button copy the command of its row. */
export function wireCopyButtons() {
  byId("curl").addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const line = button.closest("li").querySelector("code");
    button.textContent = (await copied(line)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

async function copied(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    // The clipboard is for secure contexts; plain HTTP to another host isn't one. Select the line:
    // the older way to copy, and the visitor's own.
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}

/** encoded escapes a name for a query string between single quotes. */
export function encoded(name) {
  return encodeURIComponent(name).replaceAll("'", "%27");
}

/** quoted escapes text for a place between single quotes in a POSIX shell command. */
export function quoted(text) {
  return text.replaceAll("'", String.raw`'\''`);
}
