// Addresses. Screens written by hand come before the pages made from descriptors.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
} from "@tanstack/react-router";
import { screens, withTexts } from "../screens/registry";
import { listSearch } from "../resource/list-search";
import { NotFound, PageFailed } from "./PageFailed";

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: lazyRouteComponent(() => import("./LoginPage"), "LoginPage"),
});
const signup = createRoute({
  getParentRoute: () => root,
  path: "/signup",
  component: lazyRouteComponent(() => import("./SignUpPage"), "SignUpPage"),
});
const toLogin = createRoute({
  getParentRoute: () => root,
  path: "$",
  component: () => <Navigate to="/login" replace search={{ next: location.pathname + location.search }} />,
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: lazyRouteComponent(() => import("./inside"), "Shell"),
});
const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: lazyRouteComponent(() => import("./HomePage"), "HomePage"),
});
const list = createRoute({
  getParentRoute: () => shell,
  path: "/$domain/$collection",
  validateSearch: listSearch,
  component: lazyRouteComponent(() => import("./inside"), "ListPage"),
});
const create = createRoute({
  getParentRoute: () => shell,
  path: "/$domain/$collection/new",
  validateSearch: (search: Record<string, unknown>) => ({ ...(text(search["by"]) ? { by: text(search["by"]) } : {}) }),
  component: lazyRouteComponent(() => import("../resource/CreatePage"), "CreatePage"),
});
const detail = createRoute({
  getParentRoute: () => shell,
  path: "/$domain/$collection/$id",
  component: lazyRouteComponent(() => import("../resource/DetailPage"), "DetailPage"),
});
const edit = createRoute({
  getParentRoute: () => shell,
  path: "/$domain/$collection/$id/edit",
  component: lazyRouteComponent(() => import("../resource/EditPage"), "EditPage"),
});
/** After signing in one goes on where one wanted to go. */
function next(): string {
  const wanted = new URLSearchParams(location.search).get("next");
  return wanted?.startsWith("/") && !wanted.startsWith("//") ? wanted : "/";
}

const [fromLogin, fromSignup] = ["/login", "/signup"].map((path) =>
  createRoute({ getParentRoute: () => root, path, component: () => <Navigate href={next()} to="/" replace /> }),
);

const ownScreens = screens.map((screen) =>
  createRoute({
    getParentRoute: () => shell,
    path: screen.path,
    component: lazyRouteComponent(withTexts(screen.load)),
  }),
);

export function makeRouter(signedIn: boolean) {
  const pages = [
    ...ownScreens,
    ...(screens.some(({ path }) => path === "/") ? [] : [home]),
    list,
    create,
    detail,
    edit,
  ];
  const tree = signedIn
    ? root.addChildren([shell.addChildren(pages), fromLogin, fromSignup] as never)
    : root.addChildren([login, signup, toLogin]);
  return createRouter({
    routeTree: tree as typeof root,
    defaultPreload: "intent",
    defaultErrorComponent: PageFailed,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: false,
  });
}
