/** What the server says of a text as one writes: 300 ms after the last key, and never an older answer after a newer. */

import { onScopeDispose, ref, shallowRef } from "vue";
import { answer, api, ApiFailure, type Issue } from "@/api/client";

const REST = 300;

export function useDiagnosis() {
  const issues = shallowRef<Issue[]>([]);
  const failure = shallowRef<ApiFailure>();
  /** Whether what is shown belongs to an older text. */
  const isChecking = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;
  let underWay: AbortController | undefined;

  async function ask(text: string, number: number): Promise<void> {
    underWay?.abort();
    underWay = new AbortController();
    try {
      const found = await answer(api.POST("/api/processes/validate", { body: { yaml_content: text }, signal: underWay.signal }));
      if (number !== asked) return;
      issues.value = [...found.errors, ...found.warnings].toSorted((a, b) => a.line - b.line || a.column - b.column);
      failure.value = undefined;
    } catch (error) {
      if (number !== asked || !(error instanceof ApiFailure)) return;
      failure.value = error;
    }
    isChecking.value = false;
  }

  function check(text: string, rest = REST): void {
    asked += 1;
    const number = asked;
    isChecking.value = true;
    clearTimeout(timer);
    timer = setTimeout(() => void ask(text, number), rest);
  }

  onScopeDispose(() => {
    asked += 1;
    clearTimeout(timer);
    underWay?.abort();
  });
  return { issues, failure, isChecking, check };
}
