import { expect, it, vi } from "vitest";
import { connect, memoryStore } from "../src/index.js";
import type { TesseraError, TokenStore } from "../src/index.js";
import { countingTransport, describeSuite, failure, newOwner, suiteUrl, tokensIn } from "./tenant.js";

const forged = (token: string) => `${token.slice(0, -8)}AAAAAAAA`;

describeSuite("a session", () => {
  it("begins with signing up or in and ends with logging out", async () => {
    // Calls carry the user's token from the login on and none after the logout, whose token no longer renews.
    const { email, password, slug } = await newOwner();
    const tokens = memoryStore();
    const tessera = connect({ baseUrl: suiteUrl, tokens });
    expect((await failure(tessera.identity.auth.getCurrentUser({}))).code).toBe("UNAUTHENTICATED");
    const { tenant } = await tessera.login({ email, password, tenantSlug: slug });
    expect(tenant?.slug).toBe(slug);
    expect((await tessera.identity.auth.getCurrentUser({})).user?.email).toBe(email);
    const { refreshToken } = await tokensIn(tokens);
    await tessera.logout();
    expect(await tokens.load()).toBeUndefined();
    expect((await failure(tessera.identity.auth.getCurrentUser({}))).code).toBe("UNAUTHENTICATED");
    const spent = await failure(tessera.identity.auth.refreshToken({ refreshToken }));
    expect([spent.reason, spent.domain]).toEqual(["REFRESH_TOKEN_INVALID", "erp.identity"]);
  });

  for (const [what, spoil] of [
    ["ran out by the clock", (kept: string, renewAt: number) => ({ accessToken: kept, renewAt: renewAt - 1e9 })],
    ["is refused by the server", (kept: string, renewAt: number) => ({ accessToken: forged(kept), renewAt })],
  ] as const) {
    it(`renews a token that ${what} once for twenty calls`, async () => {
      // All calls succeed, one exchange is made, and the session lives on afterwards: no refresh token went twice.
      const { transport, of } = countingTransport();
      const { tessera, tokens } = await newOwner({ transport });
      for (let round = 1; round <= 2; round++) {
        const before = await tokensIn(tokens);
        await tokens.save({ ...before, ...spoil(before.accessToken, before.renewAt) });
        const calls = Array.from({ length: 20 }, () => tessera.identity.auth.getCurrentUser({}));
        for (const { user } of await Promise.all(calls)) expect(user?.email).toContain("owner@");
        expect(of("RefreshToken")).toHaveLength(round);
        expect((await tokensIn(tokens)).refreshToken).not.toBe(before.refreshToken);
      }
    });
  }

  it("is over when the server says so", async () => {
    // A refused refresh token is forgotten, the page is told once, and public calls still work.
    const told: TesseraError[] = [];
    const { transport, of } = countingTransport();
    const { tessera, tokens, email, password } = await newOwner({
      transport,
      onSignedOut: (error) => told.push(error),
    });
    const kept = await tokensIn(tokens);
    await tessera.identity.auth.logoutAll({});
    await tokens.save({ ...kept, renewAt: 0 });
    const failures = await Promise.all([1, 2, 3].map(() => failure(tessera.crm.accounts.listAccounts({}))));
    expect(failures.map(({ reason }) => reason)).toEqual(Array(3).fill("REFRESH_TOKEN_INVALID"));
    expect(told).toHaveLength(1);
    expect(of("RefreshToken")).toHaveLength(1);
    expect(await tokens.load()).toBeUndefined();
    await tessera.login({ email, password });
    expect((await tessera.crm.accounts.listAccounts({})).accounts).toEqual([]);
  });

  it("survives the caller that gave up while its token was renewed", async () => {
    // The exchange goes on without the call that began it: its answer is the only way to the next pair.
    const { transport, of } = countingTransport();
    const { tessera, tokens } = await newOwner({ transport });
    const before = await tokensIn(tokens);
    await tokens.save({ ...before, renewAt: 0 });
    const giveUp = new AbortController();
    const first = failure(tessera.crm.accounts.listAccounts({}, { signal: giveUp.signal }));
    setTimeout(() => {
      giveUp.abort();
    }, 1);
    expect((await first).code).toBe("CANCELLED");
    expect((await tessera.crm.accounts.listAccounts({})).accounts).toEqual([]);
    expect(of("RefreshToken")).toHaveLength(1);
  });

  it("does not mind a clock that is wrong", async () => {
    // A machine a year ahead believes in the token's own lifetime, and does not renew it for every call.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 365 * 86_400_000 });
    try {
      const { transport, of } = countingTransport();
      const { tessera } = await newOwner({ transport });
      for (let call = 0; call < 3; call++) await tessera.crm.accounts.listAccounts({});
      expect(of("RefreshToken")).toHaveLength(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is shared by clients of one store", async () => {
    // Two clients that find the token expired at once renew it one after the other, the second by reading the first's.
    let last: Promise<unknown> = Promise.resolve();
    const memory = memoryStore();
    const shared: TokenStore = {
      ...memory,
      exclusive: (task) => {
        const mine = last.then(task, task);
        last = mine.catch(() => undefined);
        return mine;
      },
    };
    const { transport, of } = countingTransport();
    const { tessera, tokens } = await newOwner({ transport, tokens: shared });
    const other = connect({ transport, tokens: shared });
    await tokens.save({ ...(await tokensIn(tokens)), renewAt: 0 });
    await Promise.all([tessera, other].map((one) => one.crm.accounts.listAccounts({})));
    expect(of("RefreshToken")).toHaveLength(1);
  });

  it("keeps its token when a password is wrong", async () => {
    // UNAUTHENTICATED with a reason of the domain is no word about the token, so nothing is renewed.
    const { transport, of } = countingTransport();
    const { tessera } = await newOwner({ transport });
    const wrong = { currentPassword: "not the password", newPassword: "another good password" };
    const error = await failure(tessera.identity.auth.changePassword(wrong));
    expect([error.code, error.reason]).toEqual(["UNAUTHENTICATED", "CREDENTIALS_WRONG"]);
    expect(of("RefreshToken")).toHaveLength(0);
  });
});
