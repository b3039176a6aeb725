/** States of a page that stand in its address, so that a link shows someone else the same. */

import { computed, type WritableComputedRef } from "vue";
import { useRoute } from "vue-router";
import { addressChanges } from "@/router";

/** A parameter of the address; empty when it is absent. A change adds no step to the history unless `isStep`. */
export function useQueryParameter(name: string, isStep = false): WritableComputedRef<string> {
  const route = useRoute();
  const page = route.path;
  return computed({
    get: () => {
      const value = route.query[name];
      return (Array.isArray(value) ? value[0] : value) ?? "";
    },
    set: (value) => addressChanges.set(page, name, value, isStep),
  });
}
