import { errorOf, networkError } from "./errors.js";

/** Server makes requests with the newest token. */
export class Server {
  base;
  withCredentials;
  subject = ""; // of the token: its client
  expiresAt = 0; // of the token, in ms since 1970; 0 if unknown
  #token;
  #getToken;

  constructor(base, { token, withCredentials = false }) {
    this.base = base;
    this.#getToken = token;
    this.withCredentials = withCredentials;
  }

  get renewsTokens() {
    return this.#getToken !== undefined;
  }

  get tokenExpired() {
    return this.expiresAt > 0 && this.expiresAt < Date.now();
  }

  /** renewToken gets a new token. */
  async renewToken() {
    try {
      this.#token = await this.#getToken?.();
    } catch (error) {
      throw { code: "token", message: `There is no token: ${error?.message ?? error}` };
    }
    const { sub = "", exp = 0 } = claimsOf(this.#token);
    this.subject = sub;
    this.expiresAt = exp * 1000;
  }

  address(path, params) {
    const query = new URLSearchParams(params);
    if (this.#token) query.set("access_token", this.#token);
    return `${this.base}${path}?${query}`;
  }

  /** get returns the answer to a GET request, and throws an error as in errors.js. */
  async get(path, params, signal) {
    if (this.tokenExpired) await this.renewToken();
    const response = await this.#fetch(this.address(path, params), signal);
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.status === 401) {
      error.final = false; // the next token may be better
      await this.#tryRenewal();
    }
    throw error;
  }

  async #fetch(address, signal) {
    const credentials = this.withCredentials ? "include" : "same-origin";
    const headers = { Accept: "application/json" };
    try {
      return await fetch(address, { signal, headers, credentials, cache: "no-store" });
    } catch {
      throw networkError();
    }
  }

  async #tryRenewal() {
    try {
      await this.renewToken();
    } catch {
      // The next request tries again.
    }
  }
}

/** claimsOf reads the claims of a JWT without checking it. Any other token has none. */
export function claimsOf(token) {
  try {
    const base64 = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}
