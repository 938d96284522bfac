/** How a page follows a server. Every field is optional. */
export interface RollcallOptions {
  /**
   * The channels to follow from the beginning. A name with a token "*" (any token) or a last token ">" (one or more) is a
   * pattern: it stands for all channels that match, now and later. It does not go with `presence: "channels"`.
   */
  channels?: string[];
  /** Types to receive, besides "message" and those with handlers; see {@link Rollcall.on}. */
  types?: string[];
  /** The client's id. Pages that share a stream have the same one. By default the server assigns an id. */
  clientId?: string;
  /** The client's info in presence, at most 1 KiB of JSON. It should be the same on all pages; {@link Rollcall.setInfo} changes it. */
  info?: Record<string, unknown>;
  /**
   * Where a newly followed channel begins: with all kept events ("oldest"), with the newest one as it was published ("last"),
   * with new ones ("now"), or after a position: the `id` of an event that the page had before a reload. Without it a channel
   * begins with its lastEvent.
   */
  from?: "oldest" | "last" | "now" | (string & {});
  /** "channels" for the members of the channels, "online" for all online clients. */
  presence?: Presence | Presence[];
  /**
   * Returns a token (JWT) for the server. It is called before each connection and, if `exp` is
   * readable, before a token expires. If it throws, it is called again later.
   */
  token?: () => string | undefined | Promise<string | undefined>;
  /** Send cookies to a server of another origin, too. */
  withCredentials?: boolean;
  /** false gives the page a stream of its own. */
  share?: boolean;
  /**
   * What happens when the last page is closed: with "grace", the default, others are informed after the
   * time for a reload; with "now" at once.
   */
  leave?: "grace" | "now";
}

export type Presence = "channels" | "online";

/** A client's info, as in presence. */
export type Info = Record<string, unknown> | null;

/** An event, published or made by the server. */
export interface RollcallEvent<Payload = any> {
  /** Missing if the event is about no channel. */
  channel?: string;
  type: string;
  payload: Payload;
  /** The stream's position after the event. */
  id: string;
  /** When it was published (ISO 8601); missing on the server's own events. */
  timestamp?: string;
  /** In place of `channel`: the event is for this client alone. */
  clientId?: string;
  /** The key of the text that the event is a piece of. */
  append?: string;
  /** How many pieces were joined into the event, if it is more than one. */
  pieces?: number;
  /** true on the last event of its channel. */
  end?: boolean;
}

/** Payloads of the server's own types. */
export interface OwnPayloads {
  registered: { clientId: string; connectionId: string; resumed: boolean };
  /** The newest event of a newly followed channel; empty without one. */
  lastEvent: { type?: string; payload?: any };
  /** Events after a position are no longer kept: load the current state from elsewhere. */
  gap: { after: string; reason: "evicted" | "epoch" | "unknown" | "skipped"; skipped?: number };
  goodbye: { code: string; reason: string; reconnect: boolean };
  presence:
    | { action: "snapshot"; members: { clientId: string; info: Info }[] }
    | { action: "join" | "leave" | "update"; member: { clientId: string; info: Info } };
  "online-presence": string[];
}

export interface RollcallState {
  /**
   * connecting: a stream is being opened. live: it is open. waiting: it is lost and will be opened again, at
   * `retryAt` if the time is known. idle: no page follows a channel or, with the code "complete", all channels have ended.
   * closed: for good, by the page or the server.
   */
  state: "connecting" | "live" | "waiting" | "idle" | "closed";
  /** The reason, if any: a code of the server, "network", "token" or "closed". */
  code?: string;
  reason?: string;
  /** In ms since 1970. */
  retryAt?: number;
  /** The HTTP status, if the server refused the stream. */
  status?: number;
}

/** A refusal or failure. Temporary ones are retried. */
export interface RollcallError {
  code: string;
  message: string;
  /** The HTTP status, if there was an answer. */
  status?: number;
  /** The faulty field of the request. */
  field?: string;
  /** The channel that may not be followed. It is removed. */
  channel?: string;
  /** The server's requested wait, in ms. */
  wait?: number;
  /** The same request will be refused again. */
  final?: boolean;
}

/** An event to publish. Other fields are those of POST /publish. */
export interface NewEvent {
  channel?: string;
  /** "message" if it is left out. */
  type?: string;
  payload: unknown;
  /** Where an event with the same key was published before, it is not published again. Random if it is left out. */
  idempotencyKey?: string;
  [field: string]: unknown;
}

export interface ListenOptions {
  /** Removes the handler, or ends the attempts to publish, when it aborts. */
  signal?: AbortSignal;
}

/** Follows channels of a server, over one stream for all pages of the origin. */
export class Rollcall {
  /** url is the server's address, without /subscribe. */
  constructor(url: string | URL, options?: RollcallOptions);

  readonly state: RollcallState;
  /** The client's id, once the server has confirmed or assigned it. */
  readonly clientId: string | undefined;
  readonly channels: string[];
  /** All online clients, with `presence: "online"`. */
  readonly online: string[];
  /** The members of a channel, with `presence: "channels"`: clientId to info. The map changes in place. */
  members(channel: string): ReadonlyMap<string, Info>;

  /** Follow more channels and patterns: each channel starts with its lastEvent, unless the option `from` says otherwise. */
  add(...channels: string[]): void;
  remove(...channels: string[]): void;

  /**
   * Calls the handler with events of a type, or of a channel, or of a type on a channel; {} is all. The channel may be a
   * pattern. A stream carries only types with handlers, "message" and those of the option `types`.
   * Returns a function that removes the handler.
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
  /** Calls the handler when the state changes. Returns a function that removes it. */
  onState(handler: (state: RollcallState) => void, options?: ListenOptions): () => void;
  /** Calls the handler after a refusal or failure. Returns a function that removes it. */
  onError(handler: (error: RollcallError) => void, options?: ListenOptions): () => void;

  /**
   * Sets the client's info in presence, from any of its pages; if the stream is lost, once it is back. It is refused if the
   * token has an info.
   */
  setInfo(info: Record<string, unknown>): void;

  /**
   * Publishes an event, or several as one batch, and returns their ids. Temporary failures are retried for half a minute
   * with the same keys, so nothing is published twice. Rejects with a {@link RollcallError}.
   */
  publish(events: NewEvent | NewEvent[], options?: ListenOptions): Promise<string[]>;

  /** Stops this page. Others continue. */
  close(): void;
  /** close, and without the grace if this was the last page: others see at once that the client is gone. */
  leave(): void;
}

/** An event of an {@link EventStream}, as received. */
export interface RawEvent {
  type: string;
  /** The newest id of the stream, "" without one. */
  id: string;
  /** Text, JSON in most streams; see {@link payloadOf}. */
  data: string;
}

export interface EventStreamOptions {
  /**
   * Returns the address of the stream, before each connection that the stream opens itself; `lastId` is "" for one
   * from the beginning. If it throws, it is called again later.
   */
  address: (lastId: string) => string | Promise<string>;
  /** The types to receive; {@link EventStream.listen} adds more. "goodbye" is always received. */
  types?: string[];
  /** Send cookies to a server of another origin, too. */
  withCredentials?: boolean;
  /** The type of the event that makes the stream live, such as "registered". By default, the answer does. */
  liveOn?: string;
  onEvent: (event: RawEvent) => void;
  /** The states are those of {@link RollcallState}, without "idle". */
  onState: (state: RollcallState) => void;
  /** Receives the server's answer whenever it refused the stream. */
  onRefused?: (error: RollcallError) => void;
  /** Decides whether to reopen the stream after an error. The default: unless the error is final. */
  retriesAfter?: (error: RollcallError) => boolean;
}

/**
 * One event stream of any address, for uses that do not need Rollcall, such as /presence/stream: an EventSource that
 * reports why it was refused, and retries after temporary refusals. Rollcall itself is built on it.
 */
export class EventStream {
  constructor(options: EventStreamOptions);

  /** The id of the newest event, or "". */
  readonly lastId: string;
  /** Receives more types, on an open stream too. */
  listen(...types: string[]): void;
  /** Opens the stream anew: after `lastId` with `resume`, else from the beginning. */
  open(options?: { resume?: boolean }): void;
  close(): void;
}

/** Describes an unsuccessful answer, of Rollcall or of a proxy. */
export function errorOf(response: Response): Promise<RollcallError>;

/** The payload in an event's data, or undefined if that is not JSON. Data without a payload is the payload itself. */
export function payloadOf(data: string): any;
