/** How a page follows a server. Every field may be left out. */
export interface RollcallOptions {
  /** The channels to follow from the beginning. */
  channels?: string[];
  /** Types to hear beside "message" and those that handlers are for; see {@link Rollcall.on}. */
  types?: string[];
  /** Who this is. Pages that share a stream have the same. Without it the server gives an id. */
  clientId?: string;
  /** What presence shows of the client, at most 1 KiB of JSON. It should be the same on all pages. */
  info?: Record<string, unknown>;
  /** "channels" for who is on the channels, "online" for who is online at all. */
  presence?: Presence | Presence[];
  /**
   * Returns a token (JWT) for the server. It is called before each connection and before a token
   * expires whose `exp` can be read. Where it throws, it is called again later.
   */
  token?: () => string | undefined | Promise<string | undefined>;
  /** Send cookies to a server of another origin, too. */
  withCredentials?: boolean;
  /** false gives the page a stream of its own. */
  share?: boolean;
  /**
   * How the last page leaves that is closed: "grace", as is usual, leaves the time for a reload before
   * others are told; with "now" they are told at once.
   */
  leave?: "grace" | "now";
}

export type Presence = "channels" | "online";

/** What is known of a client beside its id. */
export type Info = Record<string, unknown> | null;

/** An event, as it was published or as the server made it. */
export interface RollcallEvent<Payload = any> {
  /** Missing on what is about no channel. */
  channel?: string;
  type: string;
  payload: Payload;
  /** The position that the stream had reached with it. */
  id: string;
  /** When it was published (ISO 8601); missing on the server's own. */
  timestamp?: string;
}

/** Payloads of the server's own types. */
export interface OwnPayloads {
  registered: { clientId: string; connectionId: string; resumed: boolean };
  /** The newest event of a channel that is followed from now on; empty where there is none. */
  lastEvent: { type?: string; payload?: any };
  /** Events after a position are no longer kept: load what they changed from elsewhere. */
  gap: { after: string; reason: "evicted" | "epoch" | "unknown" };
  goodbye: { code: string; reason: string; reconnect: boolean };
  presence:
    | { action: "snapshot"; members: { clientId: string; info: Info }[] }
    | { action: "join" | "leave" | "update"; member: { clientId: string; info: Info } };
  "online-presence": string[];
}

export interface RollcallState {
  /**
   * connecting: a stream is being opened. live: it is open. waiting: it is lost and will be opened again, at
   * `retryAt` where the time is known. idle: no page follows a channel. closed: for good, by the page or the server.
   */
  state: "connecting" | "live" | "waiting" | "idle" | "closed";
  /** Why, where there is a reason: a code of the server's, "network", "token" or "closed". */
  code?: string;
  reason?: string;
  /** In ms since 1970. */
  retryAt?: number;
  /** The HTTP status, where the server refused the stream. */
  status?: number;
}

/** Something was refused or failed. What may pass is tried again. */
export interface RollcallError {
  code: string;
  message: string;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The field of the request that is to blame. */
  field?: string;
  /** The channel that may not be followed. It is removed. */
  channel?: string;
  /** How long the server asks to wait, in ms. */
  wait?: number;
  /** The same request will be refused again. */
  final?: boolean;
}

export interface ListenOptions {
  /** Ends the listening when it aborts. */
  signal?: AbortSignal;
}

/** Follows channels of a server, over one stream for all pages of the origin. */
export class Rollcall {
  /** url is where the server is, without /subscribe. */
  constructor(url: string | URL, options?: RollcallOptions);

  readonly state: RollcallState;
  /** Who this is, once the server has said so or it was given. */
  readonly clientId: string | undefined;
  readonly channels: string[];
  /** Who is online at all, with `presence: "online"`. */
  readonly online: string[];
  /** Who is on a channel, with `presence: "channels"`: clientId to info. It changes in place. */
  members(channel: string): ReadonlyMap<string, Info>;

  /** Follow more channels: each tells its lastEvent, then what comes after. */
  add(...channels: string[]): void;
  remove(...channels: string[]): void;

  /**
   * Calls the handler with events of a type, or of a channel, or of a type on a channel; {} is all. A
   * stream brings only the types that some handler names, "message" and the option `types`.
   * Returns how to stop it.
   */
  on<Type extends keyof OwnPayloads>(
    what: Type | { channel?: string; type: Type },
    handler: (event: RollcallEvent<OwnPayloads[Type]>) => void,
    options?: ListenOptions,
  ): () => void;
  on<Payload = any>(
    what: string | { channel?: string; type?: string },
    handler: (event: RollcallEvent<Payload>) => void,
    options?: ListenOptions,
  ): () => void;
  /** Calls the handler when the state changes. Returns how to stop it. */
  onState(handler: (state: RollcallState) => void, options?: ListenOptions): () => void;
  /** Calls the handler when something is refused or fails. Returns how to stop it. */
  onError(handler: (error: RollcallError) => void, options?: ListenOptions): () => void;

  /** Ends it for this page. Others go on. */
  close(): void;
  /** close, and if this was the last page, without the grace: others are told at once that the client is gone. */
  leave(): void;
}

/** An event of an {@link EventStream}, as it came. */
export interface RawEvent {
  type: string;
  /** The newest id of the stream, "" where there was none. */
  id: string;
  /** Text, JSON in most streams; see {@link payloadOf}. */
  data: string;
}

export interface EventStreamOptions {
  /**
   * Returns the address of the stream, before each connection that the stream opens itself; `lastId` is "" for one
   * from the beginning. Where it throws, it is called again later.
   */
  address: (lastId: string) => string | Promise<string>;
  /** The types to hear; {@link EventStream.listen} adds more. "goodbye" is always heard. */
  types?: string[];
  /** Send cookies to a server of another origin, too. */
  withCredentials?: boolean;
  /** The type of the event with which the stream is live, such as "registered". Without it, the answer is enough. */
  liveOn?: string;
  onEvent: (event: RawEvent) => void;
  /** The states are those of {@link RollcallState}, without "idle". */
  onState: (state: RollcallState) => void;
  /** Is given what the server answered, each time that it refused the stream. */
  onRefused?: (error: RollcallError) => void;
  /** Whether to open the stream again after an error. Without it: unless the error is final. */
  retriesAfter?: (error: RollcallError) => boolean;
}

/**
 * One event stream of any address, for what Rollcall is too much for, such as /presence/stream: an EventSource that
 * tells why it was refused, and comes back after an answer that may change. Rollcall itself is built on it.
 */
export class EventStream {
  constructor(options: EventStreamOptions);

  /** The id of the newest event, or "". */
  readonly lastId: string;
  /** Hear more types, on an open stream too. */
  listen(...types: string[]): void;
  /** Opens the stream anew: after `lastId` with `resume`, else from the beginning. */
  open(options?: { resume?: boolean }): void;
  close(): void;
}

/** Describes an answer that is not what was asked for, whether it is from Rollcall or from a proxy. */
export function errorOf(response: Response): Promise<RollcallError>;

/** The payload in an event's data, or undefined where that is not JSON. Data without a payload is the payload itself. */
export function payloadOf(data: string): any;
