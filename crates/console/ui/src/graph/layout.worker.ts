/** Lays graphs out beside the page, so that a large one does not hold it up. */

import { type LayoutRequest, layoutOf } from "./layout";

addEventListener("message", (message: MessageEvent<{ number: number; request: LayoutRequest }>) => {
  const { number, request } = message.data;
  postMessage({ number, layout: layoutOf(request) });
});
