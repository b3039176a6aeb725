/** States of a page that stand in its address, so that a link shows someone else the same. */

import { computed, type WritableComputedRef } from "vue";
import { useRoute, useRouter } from "vue-router";

/** A parameter of the address; empty when it is absent. A change adds no step to the history unless `isStep`. */
export function useQueryParameter(name: string, isStep = false): WritableComputedRef<string> {
  const route = useRoute();
  const router = useRouter();
  return computed({
    get: () => {
      const value = route.query[name];
      return (Array.isArray(value) ? value[0] : value) ?? "";
    },
    set: (value) => {
      const query = { ...route.query, [name]: value || undefined };
      void (isStep ? router.push({ query }) : router.replace({ query }));
    },
  });
}
