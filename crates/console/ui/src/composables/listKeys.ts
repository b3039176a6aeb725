/** `j` and `k` go through the rows of a list; Enter opens, as rows are links. */

import { onMounted, onUnmounted, type Ref } from "vue";
import { isTyping } from "./keys";

export function useListKeys(list: Ref<HTMLElement | null>): void {
  function go(event: KeyboardEvent): void {
    if ((event.key !== "j" && event.key !== "k") || isTyping(event)) return;
    const rows = [...(list.value?.querySelectorAll<HTMLElement>(".row-link") ?? [])];
    if (rows.length === 0) return;
    const at = rows.indexOf(document.activeElement as HTMLElement);
    const next = event.key === "j" ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0);
    rows[next]?.focus();
    event.preventDefault();
  }
  onMounted(() => document.addEventListener("keydown", go));
  onUnmounted(() => document.removeEventListener("keydown", go));
}
