// The frame around every page of a signed-in user.
import { ActionIcon } from "@mantine/core";
import { Outlet, useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { IconMenu2, IconSearch } from "@tabler/icons-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import "./shell.css";
import { useReachable } from "../api/reach";
import { useLiveEvents } from "../api/live";
import { useI18n } from "../i18n";
import { useAsked } from "../ui/confirm";
import { useToastsWanted } from "../ui/notify";
import { PageTitle } from "../ui/PageTitle";
import { shownKeys, useKeys } from "./keys";
import type { Binding } from "./keys";
import { destinations, Rail } from "./Rail";
import { useMe, useModel, useSessionState } from "./session";
import { beginTypeAhead } from "./typeAhead";
import { UserMenu } from "./UserMenu";

const Palette = lazy(() => import("./Palette"));
const KeyMap = lazy(() => import("./KeyMap"));
const ConfirmDialog = lazy(() => import("../ui/ConfirmDialog"));
const Toasts = lazy(() => import("../ui/Toasts"));
const ExpiredDialog = lazy(() => import("./ExpiredDialog"));

export function Shell() {
  const { t, plural } = useI18n();
  const me = useMe();
  const model = useModel();
  const state = useSessionState();
  const navigate = useNavigate();
  const router = useRouter();
  const asked = useAsked();
  const toasts = useToastsWanted();
  const [railOpen, setRailOpen] = useState(false);
  const [paletteOpen, setPaletteOpen] = useState(false);
  const [mapOpen, setMapOpen] = useState(false);
  useLiveEvents(model);
  useEffect(() => router.subscribe("onResolved", () => setRailOpen(false)), [router]);
  const places = useMemo(() => destinations(model, me.may), [model, me.may]);
  const openPalette = useCallback(() => {
    if (!paletteOpen) beginTypeAhead();
    setPaletteOpen(true);
  }, [paletteOpen]);
  const bindings = useMemo<Binding[]>(
    () => [
      {
        keys: "mod+k",
        does: "keys.palette",
        group: "keys.everywhere",
        inInputs: true,
        run: openPalette,
      },
      { keys: "?", does: "keys.map", group: "keys.everywhere", run: () => setMapOpen(true) },
      ...places
        .filter(({ letter }) => letter !== undefined)
        .map(({ letter = "", path, title, entity }): Binding => ({
          keys: `g ${letter}`,
          does: title ?? "keys.go",
          ...(entity ? { name: plural(entity.typeName) } : {}),
          group: "keys.go",
          run: () => void navigate({ to: path }),
        })),
    ],
    [places, navigate, plural, openPalette],
  );
  useKeys(bindings);
  const { pathname } = useLocation();
  const place = places.find(({ path }) => path === pathname);
  return (
    <Frame>
      {place ? (
        <PageTitle>{place.entity ? plural(place.entity.typeName) : t(place.title ?? "app.home")}</PageTitle>
      ) : null}
      <a href="#content" className="skip">
        {t("app.skip")}
      </a>
      <div className="shell">
        <header>
          <ActionIcon className="only-phone" aria-label={t("nav.open")} onClick={() => setRailOpen(true)} size="lg">
            <IconMenu2 size={20} />
          </ActionIcon>
          <button type="button" className="find" aria-keyshortcuts="Control+K" onClick={openPalette}>
            <IconSearch size={15} aria-hidden />
            <span>{t("palette.open")}</span>
            <kbd className="only-desk" aria-hidden>
              {shownKeys("mod+k")}
            </kbd>
          </button>
          <span style={{ flex: 1 }} />
          <UserMenu onShortcuts={() => setMapOpen(true)} />
        </header>
        <button
          type="button"
          className="scrim"
          data-open={railOpen}
          aria-label={t("nav.close")}
          tabIndex={-1}
          onClick={() => setRailOpen(false)}
        />
        <Rail places={places} open={railOpen} onClose={() => setRailOpen(false)} />
        <main id="content" tabIndex={-1}>
          <Suspense>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <Suspense>
        {paletteOpen ? (
          <Palette places={places} onClose={() => setPaletteOpen(false)} onKeys={() => setMapOpen(true)} />
        ) : null}
        {asked ? <ConfirmDialog asked={asked} /> : null}
        {toasts ? <Toasts /> : null}
        {mapOpen ? <KeyMap onClose={() => setMapOpen(false)} /> : null}
        {state.kind === "in" && state.expired ? <ExpiredDialog /> : null}
      </Suspense>
    </Frame>
  );
}

/** Room for the banner, when there is one. */
function Frame({ children }: { children: React.ReactNode }) {
  const { t } = useI18n();
  const reachable = useReachable();
  return (
    <div className="with-banner">
      <div role="status">{reachable ? null : <div className="banner">{t("app.unreachable")}</div>}</div>
      {children}
    </div>
  );
}
