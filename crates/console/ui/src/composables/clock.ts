/** The time of all times that are shown, so that they change together. */

import { onScopeDispose, ref } from "vue";

const now = ref(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The present, once a second while anyone looks at it. */
export function useNow() {
  users += 1;
  now.value = Date.now();
  timer ??= setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1_000);
  onScopeDispose(() => {
    users -= 1;
    if (users === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  });
  return now;
}
