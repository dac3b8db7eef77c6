// What was asked of the server and is kept for a while.
import { QueryClient } from "@tanstack/react-query";
import { onBack } from "./reach";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // The transport sends again what is safe to send again.
      retry: false,
      // Offline is found out by calls that fail: a gateway on this machine needs no network.
      networkMode: "always",
      refetchOnWindowFocus: true,
    },
    mutations: { networkMode: "always", retry: false },
  },
});

onBack(() => void queries.invalidateQueries());
