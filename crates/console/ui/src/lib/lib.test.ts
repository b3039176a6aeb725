import { describe, expect, test } from "vitest";
import type { ProcessSummary } from "@/api/client";
import { parseInline, parseMarkdown } from "./markdown";
import { linesOf } from "./processes";
import { best, rank } from "./search";
import { asText, counted, money, shortId, size } from "./text";
import { absolute, between, duration, relative } from "./time";
import { runState, stepState, waitingFor } from "./words";

describe("times", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");

  test("are told by their distance, in the largest unit that fits", () => {
    expect(relative("2026-11-21T11:59:58Z", now)).toBe("just now");
    expect(relative("2026-11-21T11:58:01Z", now)).toBe("1 minute ago");
    expect(relative("2026-11-21T15:10:00Z", now)).toBe("in 3 hours");
    expect(relative("2026-11-18T12:00:00Z", now)).toBe("3 days ago");
  });

  test("are told exactly in the zone that was chosen", () => {
    expect(absolute("2026-11-21T12:00:00.123456+00:00", "Asia/Tokyo")).toBe("21 Nov 2026, 21:00:00 GMT+9");
  });

  test("that are durations have two units at most", () => {
    expect([7, 2_300, 59_600, 3_600_000, 3_840_000, 90_000_000].map(duration)).toEqual([
      "7 ms",
      "2.3 s",
      "1 min",
      "1 h",
      "1 h 4 min",
      "1 d 1 h",
    ]);
    expect(duration(between(undefined, null, now))).toBe("–");
    expect(between("2026-11-21T11:59:00Z", null, now)).toBe(60_000);
  });
});

describe("words", () => {
  test("say states as people do, and never with underscores", () => {
    expect(stepState("waiting_approval").word).toBe("Waiting for a person");
    expect(runState("something_new")).toEqual({ word: "Something new", tone: "calm" });
  });

  test("tell for what something waits, with the reason that was given", () => {
    expect(waitingFor({ for: "agent", reason: "another task is running" }, "Draft")).toBe(
      "“Draft” waits for its agent, which is busy (another task is running)",
    );
    expect(waitingFor({ for: "operator" }, undefined)).toContain("The run was paused by a person");
  });
});

test("money is exactly what the API says", () => {
  expect(money({ amount: "0.0123", currency: "USD", complete: true })).toBe("$0.0123");
  expect(money({ amount: "2", currency: "EUR", complete: false })).toBe("2 EUR (incomplete)");
  expect(money(null)).toBe("–");
});

test("small texts", () => {
  expect(shortId("0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71")).toBe("2d9e8b71");
  expect([999, 1_500, 2_000_000].map(size)).toEqual(["999 B", "1.5 kB", "2.0 MB"]);
  expect([counted(1, "run"), counted(2, "run"), counted(0, "reply", "replies")]).toEqual(["1 run", "2 runs", "0 replies"]);
  expect(asText({ a: 1 })).toBe('{\n  "a": 1\n}');
});

describe("search", () => {
  test("puts first what begins so, and finds letters in order", () => {
    expect(rank("Runs", "runs")).toBe(0);
    expect(rank("nightly-report", "report")).toBe(2);
    expect(rank("nightly-report", "xyz")).toBeUndefined();
    const names = [{ name: "market-run" }, { name: "Run market" }, { name: "Runs" }, { name: "Agents" }];
    expect(best(names, "run", 9).map((one) => one.name)).toEqual(["Run market", "Runs", "market-run"]);
  });
});

describe("Markdown", () => {
  test("becomes blocks", () => {
    const kinds = parseMarkdown("# Title\n\ntext\nmore\n\n- one\n- two\n  goes on\n\n> quote\n\n```\ncode *x*\n```\n---\n1. a");
    expect(kinds.map((block) => block.kind)).toEqual(["heading", "paragraph", "list", "quote", "code", "rule", "list"]);
    expect(kinds[2]).toMatchObject({ ordered: false, items: [[{ text: "one" }], [{ text: "two goes on" }]] });
    expect(kinds[4]).toEqual({ kind: "code", text: "code *x*" });
  });

  test("has tables, whose cells may hold bars in code", () => {
    const [table, after] = parseMarkdown("| key | does |\n|---|:-:|\n| `a|b` | one \\| two |\n| c | |\n\nafter");
    const text = (value: string) => [{ kind: "text", text: value }];
    expect(table).toEqual({
      kind: "table",
      head: [text("key"), text("does")],
      rows: [
        [[{ kind: "code", text: "a|b" }], text("one | two")],
        [text("c"), []],
      ],
    });
    expect(after).toMatchObject({ kind: "paragraph" });
  });

  test("becomes words", () => {
    expect(parseInline("a **b** `c` snake_case_name https://x.test/y.")).toEqual([
      { kind: "text", text: "a " },
      { kind: "strong", children: [{ kind: "text", text: "b" }] },
      { kind: "text", text: " " },
      { kind: "code", text: "c" },
      { kind: "text", text: " snake_case_name " },
      { kind: "link", address: "https://x.test/y", children: [{ kind: "text", text: "https://x.test/y" }] },
      { kind: "text", text: "." },
    ]);
  });

  test("never becomes something that runs", () => {
    expect(parseInline("[press](javascript:alert(1))")[0]).toMatchObject({ kind: "text" });
    expect(parseInline("<img src=x onerror=alert(1)>")).toEqual([{ kind: "text", text: "<img src=x onerror=alert(1)>" }]);
  });

  test("that never ends is read all the same", () => {
    expect(parseMarkdown("```\nopen")).toEqual([{ kind: "code", text: "open" }]);
    expect(parseMarkdown("")).toEqual([]);
  });
});

test("of a process the newest published version is shown, versions in the order of numbers", () => {
  const version = (name: string, text: string, status: string): ProcessSummary => ({
    id: `${name}-${text}`,
    name,
    version: text,
    status,
    description: "",
    labels: {},
    step_count: 1,
    created_at: "",
    updated_at: "",
  });
  const lines = linesOf([
    version("b", "10", "draft"),
    version("b", "9", "published"),
    version("b", "2", "published"),
    version("a", "1", "draft"),
  ]);
  expect(lines.map((line) => [line.name, line.shown.version, line.newest.version])).toEqual([
    ["a", "1", "1"],
    ["b", "9", "10"],
  ]);
});
