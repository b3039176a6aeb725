/** Something a person does by a button: under way, done, or failed with the API's sentence. */

import { ref, shallowRef } from "vue";
import { ApiFailure } from "@/api/client";

export function useAction() {
  const isBusy = ref(false);
  const failure = shallowRef<ApiFailure>();

  /** Does it unless it is under way already. Whether it has been done. */
  async function run(act: () => Promise<unknown>): Promise<boolean> {
    if (isBusy.value) return false;
    isBusy.value = true;
    failure.value = undefined;
    try {
      await act();
      return true;
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      failure.value = error;
      return false;
    } finally {
      isBusy.value = false;
    }
  }

  return { isBusy, failure, run };
}
