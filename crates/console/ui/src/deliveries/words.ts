/** How deliveries are said to people. */

import { plain, type Said } from "@/lib/words";

export const STATES: Record<string, Said> = {
  waiting: { word: "Waiting", tone: "wait" },
  retrying: { word: "Trying again", tone: "wait" },
  delivered: { word: "Delivered", tone: "good" },
  dead: { word: "Given up", tone: "bad" },
  undeliverable: { word: "Undeliverable", tone: "bad" },
};

export const KINDS: Record<string, string> = {
  webhook: "Webhook",
  informed: "Informed agent",
  monitor: "Monitoring agent",
  mail: "Mail",
  slack: "Slack",
};

export const deliveryState = (state: string): Said => STATES[state] ?? { word: plain(state), tone: "calm" };
export const deliveryKind = (kind: string): string => KINDS[kind] ?? plain(kind);

/** What has come to an end can be sent again. */
export const canResend = (state: string): boolean => state !== "waiting" && state !== "retrying";
