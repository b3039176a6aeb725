/** Who is signed in, and what they may do. */

import { computed } from "vue";
import { useMe } from "@/api/queries";

export function useSession() {
  const { data: me } = useMe();
  const rights = computed(() => new Set(me.value?.permissions ?? []));
  return {
    me,
    /** Whether the person may do something; nothing while that is not known yet. */
    may: (permission: string): boolean => rights.value.has(permission),
    isAdmin: computed(() => me.value?.process_role === "process_admin"),
  };
}
