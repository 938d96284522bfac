// A position is written as epoch-number. Only positions of one epoch can be compared.

export function epochOf(position) {
  return position.slice(0, position.lastIndexOf("-"));
}

export function numberOf(position) {
  return Number(position.slice(position.lastIndexOf("-") + 1));
}

/** reaches reports whether a position is at or after another one of the same epoch. */
export function reaches(position, other) {
  return epochOf(position) === epochOf(other) && numberOf(position) >= numberOf(other);
}
