/** What a person has chosen for this browser: theme and time zone. */

import { ref, watch } from "vue";

export type Theme = "system" | "light" | "dark";

function remembered<T extends string>(name: string, isKnown: (text: string) => boolean, otherwise: T) {
  const stored = localStorage.getItem(name);
  const chosen = ref(stored !== null && isKnown(stored) ? (stored as T) : otherwise);
  watch(chosen, (value) => localStorage.setItem(name, value));
  return chosen;
}

export const theme = remembered<Theme>("theme", (text) => ["system", "light", "dark"].includes(text), "system");

/** The name of a zone; empty for the browser's. */
export const timeZone = remembered<string>("time-zone", isZone, "");

export function isZone(name: string): boolean {
  if (name === "") return true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

watch(
  theme,
  (chosen) => {
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
  },
  { immediate: true },
);
