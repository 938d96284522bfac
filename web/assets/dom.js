/**
 * Small helpers for pages. Strings enter the page through these as text, never as markup.
 */

/** ROOT is where the server is, without a slash at its end: it may be below a path. */
export const ROOT = new URL("..", import.meta.url).href.replace(/\/$/, "");

/** byId returns the element with this id; a page without it is a bug. */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * el makes an element. Attributes whose value is null or false are left out, true sets an empty
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

// Control characters but tab and newline, and those that turn the direction of text around them.
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g;

/**
 * visible writes the characters of a foreign string that can't be seen but change what is seen as
 * \uXXXX, so that a name can't pass for another. In JSON text the result means the same.
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

/** plural writes a count with its noun: "1 event", "2 events". */
export function plural(count, noun) {
  return `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;
}

const two = (number) => String(number).padStart(2, "0");

/** clock writes a Date's time of day in the viewer's zone, 24 hours, with milliseconds if asked. */
export function clock(date, { millis = false } = {}) {
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/**
 * everyFrame returns a function that schedules draw for the next animation frame, once however
 * often it is called before. In a hidden page the frame comes when the page is shown again.
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
