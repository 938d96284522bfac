const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1; // a browser runs a longer timer at once

/** backOff returns the wait in ms after a number of failures: it doubles, and is spread over its second half. */
export function backOff(failures) {
  const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
  return longest * (0.5 + Math.random() / 2);
}

/** aborted resolves when the signal aborts. */
export function aborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", resolve, { once: true });
  });
}

/** pause resolves after a time in ms, or earlier when the signal aborts. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.min(ms, LONGEST_TIMER_MS));
    signal.addEventListener("abort", finish);
  });
}
