// Short messages in the corner.
import { notifications } from "@mantine/notifications";
import type { I18n } from "../i18n";
import { ErrorNotice } from "./ErrorNotice";

export function tell(message: string): void {
  notifications.show({ message, color: "petrol" });
}

/** A failure stays until it is dismissed, because its request id may be wanted. */
export function fail(error: unknown, { t }: I18n): void {
  notifications.show({
    message: <ErrorNotice error={error} />,
    color: "red",
    autoClose: false,
    closeButtonProps: { "aria-label": t("error.dismiss") },
    classNames: { root: "fail" },
  });
}
