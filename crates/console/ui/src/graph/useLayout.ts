/** The layout of a graph; a new one only when its shape has changed, not when states have. */

import { onScopeDispose, type Ref, shallowRef, watch } from "vue";
import type { Layout, LayoutRequest } from "./layout";

export function useLayout(request: Ref<LayoutRequest>) {
  const layout = shallowRef<Layout>();
  const worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
  let newest = 0;
  let shape = "";
  worker.onmessage = (message: MessageEvent<{ number: number; layout: Layout }>) => {
    if (message.data.number === newest) layout.value = message.data.layout;
  };
  watch(
    request,
    (wanted) => {
      const wantedShape = JSON.stringify(wanted);
      if (wantedShape === shape) return;
      shape = wantedShape;
      newest += 1;
      worker.postMessage({ number: newest, request: JSON.parse(wantedShape) as LayoutRequest });
    },
    { immediate: true },
  );
  onScopeDispose(() => worker.terminate());
  return layout;
}
