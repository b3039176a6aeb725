/** Keys that mean something anywhere on a page. */

import { onMounted, onUnmounted } from "vue";

/** Whether a key belongs to a text that is being written, to a dialog, or to a shortcut of the browser. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  const target = event.target as HTMLElement | null;
  if (target?.closest('input, textarea, select, [contenteditable="true"], [role="menu"]')) return true;
  return document.querySelector('[role="dialog"]') !== null;
}

export function useKey(key: string, act: () => void): void {
  function hear(event: KeyboardEvent): void {
    if (event.key !== key || isTyping(event)) return;
    event.preventDefault();
    act();
  }
  onMounted(() => document.addEventListener("keydown", hear));
  onUnmounted(() => document.removeEventListener("keydown", hear));
}
