/**
 * Small helpers for pages. Strings enter the page through these only as text, never as markup.
 */

/** ROOT is the server's address, without a slash at its end: it may be below a path. */
export const ROOT = new URL("..", import.meta.url).href.replace(/\/$/, "");

/** byId returns the element with this id; a page without it is a bug. */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * el makes an element. Attributes whose value is null or false are omitted, true sets an empty
 * one; children are nodes or strings, and strings become text.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** splitList splits a comma list into trimmed names, each once, in the order first seen. */
export function splitList(text) {
  return [...new Set(text.split(",").map((name) => name.trim()).filter(Boolean))];
}

// Control characters except tab and newline, and those that change the direction of the text around them.
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g;

/**
 * visible replaces the invisible characters of a foreign string that change its appearance by
 * \uXXXX, so that a name can't be mistaken for another. In JSON the result has the same meaning.
 */
export function visible(text) {
  return text.replace(unseen, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** parseJSON returns the value of a JSON text, or undefined. */
export function parseJSON(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** plural formats a count with its noun: "1 event", "2 events". */
export function plural(count, noun) {
  return `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;
}

const two = (number) => String(number).padStart(2, "0");

/** clock formats a Date's time of day in the viewer's zone, 24 hours, with milliseconds if requested. */
export function clock(date, { millis = false } = {}) {
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/**
 * everyFrame returns a function that schedules draw for the next animation frame, once for all
 * calls before it. In a hidden page the frame comes when the page is visible again.
 */
export function everyFrame(draw) {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      draw();
    });
  };
}
