/** A text field that hands on what was typed once the person rests, not at every key. */

import { onScopeDispose, ref, type Ref, watch } from "vue";

const REST = 250;

export function useDelayed(target: Ref<string>): Ref<string> {
  const typed = ref(target.value);
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(typed, (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => (target.value = text.trim()), REST);
  });
  watch(target, (text) => {
    if (text !== typed.value.trim()) typed.value = text;
  });
  onScopeDispose(() => clearTimeout(timer));
  return typed;
}
