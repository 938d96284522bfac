// Errors are plain objects, because pages send them to each other: {code, message, status, field, wait, final}.
// wait is the server's Retry-After in ms. A final error recurs however often the request is repeated.

/** errorOf describes an unsuccessful answer, of Rollcall or of a proxy. */
export async function errorOf(response) {
  const { status } = response;
  if (status === 204) {
    return { code: "kicked", message: "The server asked this client to stay away.", status, final: true };
  }
  return {
    code: "http",
    message: `The server answered ${status}.`,
    ...(await reportedError(response)),
    status,
    wait: 1000 * (Number(response.headers.get("Retry-After")) || 0),
    final: status >= 400 && status < 500 && status !== 408 && status !== 429,
  };
}

/** networkError describes a request without an answer. */
export function networkError() {
  return { code: "network", message: "The server can't be reached." };
}

async function reportedError(response) {
  try {
    const { error } = await response.json();
    return error;
  } catch {
    return undefined;
  }
}
