/** A form of inputs: what was typed, what is wrong with it, and the values it stands for. */

import { computed, ref, type Ref, watch } from "vue";
import type { ApiFailure } from "@/api/client";
import { type InputField, problemOf, valueOf } from "./inputFields";

export function useInputForm(fields: Ref<readonly InputField[]>, failure: Ref<ApiFailure | undefined>, within = "input") {
  const typed = ref<Record<string, string>>({});
  const wasTried = ref(false);
  watch(
    fields,
    (all) => {
      for (const field of all) typed.value[field.name] ??= field.initial;
    },
    { immediate: true },
  );
  const ownProblem = (field: InputField): string | undefined => problemOf(field, typed.value[field.name] ?? "");
  const problems = computed<Record<string, string | undefined>>(() => {
    const told = failure.value?.fields ?? [];
    return Object.fromEntries(
      fields.value.map((field) => {
        const own = wasTried.value ? ownProblem(field) : undefined;
        const names = [field.name, `${within}.${field.name}`];
        return [field.name, own ?? told.find((one) => names.includes(one.field))?.message];
      }),
    );
  });

  /** The values, unless something is wrong, which the form then shows. */
  function read(): Record<string, unknown> | undefined {
    wasTried.value = true;
    return fields.value.some((field) => ownProblem(field) !== undefined) ? undefined : valueOf(fields.value, typed.value);
  }

  return { typed, problems, read };
}
