// Short messages in the corner, whose parts are fetched with the first of them.
import { useSyncExternalStore } from "react";
import type { NotificationData } from "@mantine/notifications";
import type { I18n } from "../i18n";
import { ErrorNotice } from "./ErrorNotice";

let wanted = false;
const listeners = new Set<() => void>();

export function tell(message: string): void {
  show({ message, color: "petrol" });
}

/** A failure stays until it is dismissed, because its request id may be wanted. */
export function fail(error: unknown, { t }: I18n): void {
  show({
    message: <ErrorNotice error={error} />,
    color: "red",
    autoClose: false,
    closeButtonProps: { "aria-label": t("error.dismiss") },
  });
}

/** True from the first message on: then the shell makes room for them. */
export function useToastsWanted(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => wanted,
  );
}

function show(data: NotificationData): void {
  wanted = true;
  listeners.forEach((listener) => listener());
  void import("@mantine/notifications").then(({ notifications }) => notifications.show(data));
}
