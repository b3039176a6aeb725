import { VueQueryPlugin, QueryClient } from "@tanstack/vue-query";
import { createApp } from "vue";
import { ApiFailure, whenNoSession } from "@/api/client";
import App from "./App.vue";
import { router } from "./router";
import "./composables/preferences";
import "./styles.css";

/** Whether asking again may help: not where the API has said no. */
const mayPass = (tries: number, error: Error): boolean =>
  tries < 2 && !(error instanceof ApiFailure && error.status >= 400 && error.status < 500);

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      retry: mayPass,
      retryDelay: (tries) => 500 * 2 ** tries,
      // Whether there is a network is told by the connection; what can't be asked for says so itself.
      networkMode: "always",
      throwOnError: false,
    },
    mutations: { networkMode: "always" },
  },
});

whenNoSession(() => {
  const from = router.currentRoute.value;
  if (from.name === "login") return;
  void router.replace({ name: "login", query: from.fullPath === "/" ? {} : { to: from.fullPath } });
});

createApp(App).use(router).use(VueQueryPlugin, { queryClient: client }).mount("#app");
