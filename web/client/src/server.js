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
    return `${this.base}${path}${query.size > 0 ? "?" : ""}${query}`;
  }

  /** get returns the answer to a GET request, and throws an error as in errors.js. */
  async get(path, params, signal) {
    if (this.tokenExpired) await this.renewToken();
    return this.#check(await this.#fetch(this.address(path, params), { signal }));
  }

  /** post returns the answer to a POST request of a JSON text, and throws an error of errors.js. */
  async post(path, body, signal) {
    if (this.tokenExpired) await this.renewToken();
    return this.#check(await this.#fetch(this.address(path), { method: "POST", body, signal }));
  }

  /** putInfo sets the info of a stream, which its secret permits. */
  async putInfo({ connectionId, secret }, info, signal) {
    const address = `${this.base}/presence/connections/${connectionId}/info`;
    const headers = { "Stream-Secret": secret };
    const response = await this.#fetch(address, { method: "PUT", body: JSON.stringify(info), headers, signal });
    if (!response.ok) throw await errorOf(response);
  }

  async #check(response) {
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.status === 401) {
      error.final = false; // the next token may be better
      await this.#tryRenewal();
    }
    throw error;
  }

  async #fetch(address, { headers, ...options }) {
    const credentials = this.withCredentials ? "include" : "same-origin";
    const all = { Accept: "application/json", ...headers };
    try {
      return await fetch(address, { ...options, headers: all, credentials, cache: "no-store" });
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
