/**
 * The page's one WebSocket. It comes back by itself, asks for what was missed by the id of the last event it heard, and
 * hands events on once a frame, however many come.
 */

import { readonly, ref } from "vue";

export type ConnectionState = "Live" | "Reconnecting…" | "Offline";

/** What every event says, in the second format (docs: `/ws`). */
export interface LiveEvent {
  type: string;
  eventId: number;
  executionId: string;
  processName: string;
  stepId?: string;
}

type Listener = (events: LiveEvent[]) => void;

/** Between two tries, in milliseconds: soon at first, and at least every five seconds. */
const RESTS = [250, 500, 1_000, 2_000, 4_000];

/** So long tries may fail until the server counts as away, in milliseconds. */
const PATIENCE = 60_000;

/** The server looks after its clients every 30 s; a socket that says nothing to a `ping` for so long is dead. */
const PING_EVERY = 20_000;

export class Connection {
  private readonly shown = ref<ConnectionState>("Reconnecting…");
  readonly state = readonly(this.shown);

  private socket: WebSocket | undefined;
  private listeners = new Set<Listener>();
  private openings = new Set<(wasAway: boolean) => void>();
  private heard: LiveEvent[] = [];
  private lastEvent: number | undefined;
  private closedSince = 0;
  private tries = 0;
  private hasAnswered = true;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pings: ReturnType<typeof setInterval> | undefined;
  private isWanted = false;

  constructor(
    private readonly address: () => string,
    private readonly open: (address: string) => WebSocket = (url) => new WebSocket(url),
  ) {}

  /** Opens the socket and keeps it open. */
  start(): void {
    if (this.isWanted) return;
    this.isWanted = true;
    this.closedSince = Date.now();
    globalThis.addEventListener("online", this.tryAtOnce);
    globalThis.addEventListener("offline", this.show);
    document.addEventListener("visibilitychange", this.tryAtOnce);
    this.connect();
  }

  /** Closes the socket for good, such as after signing out. */
  stop(): void {
    this.isWanted = false;
    globalThis.removeEventListener("online", this.tryAtOnce);
    globalThis.removeEventListener("offline", this.show);
    document.removeEventListener("visibilitychange", this.tryAtOnce);
    clearTimeout(this.timer);
    clearInterval(this.pings);
    this.lastEvent = undefined;
    this.socket?.close();
    this.socket = undefined;
  }

  /** Calls `listener` with the events of each frame. Returns what ends that. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Calls `then` whenever the socket has been opened. What was asked for before it was open may be old already: the first
   * time as far as events tell of it, and after an absence (`wasAway`) all of it.
   */
  whenOpen(then: (wasAway: boolean) => void): () => void {
    this.openings.add(then);
    return () => this.openings.delete(then);
  }

  private connect(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const socket = this.open(this.address());
    this.socket = socket;
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (message) => this.hear(String(message.data));
    socket.onclose = () => this.closed(socket);
  }

  private opened(socket: WebSocket): void {
    const wasAway = this.tries > 0 || this.lastEvent !== undefined;
    this.tries = 0;
    this.closedSince = 0;
    this.hasAnswered = true;
    this.shown.value = "Live";
    if (this.lastEvent !== undefined) {
      socket.send(JSON.stringify({ type: "subscribe", all: true, after: this.lastEvent }));
    }
    clearInterval(this.pings);
    this.pings = setInterval(() => this.ping(socket), PING_EVERY);
    for (const then of this.openings) then(wasAway);
  }

  private ping(socket: WebSocket): void {
    if (!this.hasAnswered) {
      socket.close();
      this.closed(socket);
      return;
    }
    this.hasAnswered = false;
    if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}');
  }

  private closed(socket: WebSocket): void {
    if (this.socket !== socket || !this.isWanted) return;
    clearInterval(this.pings);
    this.socket = undefined;
    this.closedSince ||= Date.now();
    this.show();
    const rest = RESTS[Math.min(this.tries, RESTS.length - 1)] ?? 4_000;
    this.tries += 1;
    this.timer = setTimeout(() => this.connect(), rest);
  }

  private readonly tryAtOnce = (): void => {
    this.show();
    if (!this.isWanted || document.hidden) return;
    if (this.timer !== undefined) this.connect();
    // An open socket may be dead since the network went; asking it tells sooner than waiting.
    else if (this.socket?.readyState === WebSocket.OPEN && this.hasAnswered) this.ping(this.socket);
  };

  private readonly show = (): void => {
    if (this.closedSince === 0) {
      this.shown.value = navigator.onLine ? "Live" : "Offline";
      return;
    }
    const isAway = this.closedSince !== 0 && Date.now() - this.closedSince > PATIENCE;
    this.shown.value = !navigator.onLine || isAway ? "Offline" : "Reconnecting…";
  };

  private hear(text: string): void {
    this.hasAnswered = true;
    const message = JSON.parse(text) as Partial<LiveEvent>;
    if (typeof message.eventId !== "number" || !message.executionId) return;
    // A resume may tell again what came just before the end.
    if (this.lastEvent !== undefined && message.eventId <= this.lastEvent) return;
    this.lastEvent = message.eventId;
    this.heard.push(message as LiveEvent);
    if (this.heard.length === 1) nextFrame(() => this.handOn());
  }

  private handOn(): void {
    const events = this.heard;
    this.heard = [];
    for (const listener of this.listeners) listener(events);
  }
}

/** Frames do not come while the page is hidden. */
function nextFrame(then: () => void): void {
  if (document.hidden) setTimeout(then, 100);
  else requestAnimationFrame(then);
}

export const connection = new Connection(() => {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/ws?format=v2`;
});
