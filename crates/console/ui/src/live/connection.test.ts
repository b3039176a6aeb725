import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Connection, type LiveEvent } from "./connection";
import { atMostEvery } from "./refresh";

/** A socket that does what the test says. */
class FakeSocket {
  readonly sent: string[] = [];
  readyState = 1;
  onopen: () => void = () => {};
  onclose: () => void = () => {};
  onmessage: (message: { data: string }) => void = () => {};
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
  tell(eventId: number): void {
    this.onmessage({ data: JSON.stringify({ type: "step:started", eventId, executionId: "run" }) });
  }
}

let sockets: FakeSocket[];
let connection: Connection;
const last = (): FakeSocket => sockets.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { hidden: true, addEventListener: () => {}, removeEventListener: () => {} });
  vi.stubGlobal("navigator", { onLine: true });
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("removeEventListener", () => {});
  vi.stubGlobal("WebSocket", { OPEN: 1 });
  sockets = [];
  connection = new Connection(
    () => "ws://here/ws",
    () => {
      sockets.push(new FakeSocket());
      return last() as unknown as WebSocket;
    },
  );
  connection.start();
});
afterEach(() => {
  connection.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the connection", () => {
  test("is live while it is open and comes back by itself", () => {
    expect(connection.state.value).toBe("Reconnecting…");
    last().onopen();
    expect(connection.state.value).toBe("Live");
    last().onclose();
    expect(connection.state.value).toBe("Reconnecting…");
    vi.advanceTimersByTime(300);
    expect(sockets).toHaveLength(2);
    last().onopen();
    expect(connection.state.value).toBe("Live");
  });

  test("tries at least every five seconds, and after a minute says that it is offline", () => {
    last().onopen();
    last().onclose();
    for (let seconds = 0; seconds < 70; seconds += 5) {
      const before = sockets.length;
      vi.advanceTimersByTime(5_000);
      expect(sockets.length).toBeGreaterThan(before);
      last().onclose();
    }
    expect(connection.state.value).toBe("Offline");
    vi.advanceTimersByTime(5_000);
    last().onopen();
    expect(connection.state.value).toBe("Live");
  });

  test("asks for what it has missed and tells nothing twice", () => {
    const heard: number[] = [];
    const back = vi.fn();
    connection.listen((events: LiveEvent[]) => heard.push(...events.map((event) => event.eventId)));
    connection.whenOpen(back);
    last().onopen();
    expect(back).toHaveBeenLastCalledWith(false);
    expect(last().sent).toEqual([]);
    last().tell(7);
    last().onclose();
    vi.advanceTimersByTime(300);
    last().onopen();
    expect(last().sent).toEqual(['{"type":"subscribe","all":true,"after":7}']);
    expect(back).toHaveBeenLastCalledWith(true);
    last().tell(7);
    last().tell(8);
    vi.advanceTimersByTime(200);
    expect(heard).toEqual([7, 8]);
  });

  test("hands all events of a frame on at once", () => {
    const batches: number[] = [];
    connection.listen((events) => batches.push(events.length));
    last().onopen();
    for (let id = 1; id <= 50; id += 1) last().tell(id);
    vi.advanceTimersByTime(200);
    expect(batches).toEqual([50]);
  });

  test("gives a socket up that answers no ping", () => {
    last().onopen();
    vi.advanceTimersByTime(20_000);
    expect(last().sent).toEqual(['{"type":"ping"}']);
    vi.advanceTimersByTime(20_300);
    expect(sockets).toHaveLength(2);
  });
});

test("what is asked for often is done at once, then seldom, and the last time is never lost", () => {
  const act = vi.fn();
  const ask = atMostEvery(400, act);
  ask();
  ask();
  ask();
  expect(act).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(400);
  expect(act).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(400);
  expect(act).toHaveBeenCalledTimes(2);
});
