// A channel's name is a path of tokens between dots. In a pattern "*" stands for any token, and a last ">" for one or more.

/** isPattern reports whether a name stands for several channels. */
export function isPattern(name) {
  return name.split(".").some((token) => token === "*" || token === ">");
}

/** matches reports whether a pattern stands for a channel. */
export function matches(pattern, channel) {
  const wanted = pattern.split(".");
  const tokens = channel.split(".");
  const isOpen = wanted.at(-1) === ">";
  if (isOpen ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
  return wanted.every((token, i) => token === tokens[i] || token === "*" || (isOpen && i === wanted.length - 1));
}

/** isMatch reports whether a name is a pattern that stands for a channel. */
export function isMatch(name, channel) {
  return channel !== undefined && isPattern(name) && matches(name, channel);
}
