// What is shown: the way in, the pages, or why there are none.
import { Button } from "@mantine/core";
import { RouterProvider } from "@tanstack/react-router";
import { useMemo } from "react";
import { I18nRegion, useI18n } from "../i18n";
import { Door } from "../ui/Door";
import { ErrorNotice } from "../ui/ErrorNotice";
import { makeRouter } from "./router";
import { begin, useSessionState } from "./session";
import { ShellBones } from "./ShellBones";

export function App() {
  const state = useSessionState();
  const { t } = useI18n();
  const signedIn = state.kind === "in";
  const userId = signedIn ? state.me.user.id : "";
  // Another user must not find what the one before had open.
  const router = useMemo(() => makeRouter(userId !== ""), [userId]);
  // Whoever is about to sign in does not see the frame of what is behind the door.
  if (state.kind === "starting") return state.returning ? <ShellBones /> : null;
  if (state.kind === "failed") {
    return (
      <Door title={t("app.contractsFailed")}>
        <div className="stack">
          <ErrorNotice error={state.error} />
          <Button onClick={() => void begin()}>{t("app.tryAgain")}</Button>
        </div>
      </Door>
    );
  }
  return (
    <I18nRegion region={signedIn ? state.me.user.locale || state.me.tenant.locale : ""}>
      <RouterProvider router={router} />
    </I18nRegion>
  );
}
