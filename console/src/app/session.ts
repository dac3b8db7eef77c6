// Who is signed in, and what that person may do.
import { useSyncExternalStore } from "react";
import { TesseraError } from "@client/error";
import type { LoginRequestSchema, SignUpRequestSchema } from "@client/gen/erp/identity/v1/auth_pb";
import type { Tenant } from "@client/gen/erp/identity/v1/tenant_pb";
import type { User } from "@client/gen/erp/identity/v1/user_pb";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { auth, given, onSignedOut, session } from "../api/wire";
import { onBack } from "../api/reach";
import { queries } from "../api/queries";
import { loadRegistry } from "../schema/registry";
import { modelOf } from "../schema/model";
import type { Model } from "../schema/model";
import { mayOf } from "../schema/permissions";
import type { May } from "../schema/permissions";

export interface Me {
  readonly user: User;
  readonly tenant: Tenant;
  readonly permissions: readonly string[];
  readonly may: May;
}

export type State =
  /** `returning`: somebody was signed in here before, and probably still is. */
  | { readonly kind: "starting"; readonly returning: boolean }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "out"; readonly model: Model }
  /** `expired`: the server has ended the session, and the page waits for the password. */
  | { readonly kind: "in"; readonly model: Model; readonly me: Me; readonly expired: boolean };

let state: State = { kind: "starting", returning: false };
const listeners = new Set<() => void>();

function set(next: State): void {
  state = next;
  listeners.forEach((listener) => listener());
}

export function useSessionState(): State {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** The signed-in user; only for pages inside the shell. */
export function useMe(): Me {
  const now = useSessionState();
  if (now.kind !== "in") throw new Error("nobody is signed in");
  return now.me;
}

export function useModel(): Model {
  const now = useSessionState();
  if (now.kind !== "in") throw new Error("nobody is signed in");
  return now.model;
}

/** Reads the contracts and who is signed in. Told again when the gateway is back after it could not be reached. */
export function startSession(): void {
  onBack(() => {
    if (state.kind === "failed") void begin();
  });
  onSignedOut(() => {
    if (state.kind === "in") set({ ...state, expired: true });
  });
  void begin();
}

export async function begin(): Promise<void> {
  try {
    const loading = loadRegistry();
    const returning = (await session.refreshToken()) !== undefined;
    set({ kind: "starting", returning });
    const model = modelOf(await loading);
    if (!returning) set({ kind: "out", model });
    else set(await entered(model));
  } catch (error) {
    set({ kind: "failed", error });
  }
}

async function entered(model: Model): Promise<State> {
  try {
    const { user, tenant, permissions } = await auth().getCurrentUser({});
    if (!user || !tenant) throw new TesseraError("the answer names no user", { code: "INTERNAL" });
    return { kind: "in", model, me: { user, tenant, permissions, may: mayOf(permissions) }, expired: false };
  } catch (thrown) {
    // A session that is over, or was another suite's.
    if (TesseraError.from(thrown).code !== "UNAUTHENTICATED") throw thrown;
    await session.end();
    return { kind: "out", model };
  }
}

/** Signs in. While a session waits for the password, its user stays where she is; somebody else starts afresh. */
export async function signIn(request: MessageInitShape<typeof LoginRequestSchema>): Promise<void> {
  const before = state;
  await session.begin(given((await auth().login(request)).tokens));
  if (before.kind !== "in" && before.kind !== "out") return;
  const next = await entered(before.model);
  const isSame = before.kind === "in" && next.kind === "in" && before.me.user.id === next.me.user.id;
  if (!isSame) queries.clear();
  set(next);
  if (isSame) void queries.invalidateQueries();
}

export async function signUp(request: MessageInitShape<typeof SignUpRequestSchema>): Promise<void> {
  await session.begin(given((await auth().signUp(request)).tokens));
  if (state.kind === "out") set(await entered(state.model));
}

/** Reads anew what the caller may do, such as after a change of roles. */
export async function refreshMe(): Promise<void> {
  if (state.kind === "in" && !state.expired) set(await entered(state.model));
}

/**
 * Leaves the session; `everywhere` ends those on other devices, too. When that fails one stays, so as to know and to try
 * again: somebody who has lost a device must not believe that it was signed out.
 */
export async function signOut(everywhere = false): Promise<void> {
  if (everywhere) await auth().logoutAll({});
  try {
    const refreshToken = everywhere ? undefined : await session.refreshToken();
    if (refreshToken !== undefined) await auth().logout({ refreshToken });
  } finally {
    await session.end();
    queries.clear();
    for (const key of Object.keys(sessionStorage)) if (key.startsWith("tessera.draft.")) sessionStorage.removeItem(key);
    if (state.kind === "in") set({ kind: "out", model: state.model });
  }
}
