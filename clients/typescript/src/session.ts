import type { TokenPair } from "./gen/erp/identity/v1/auth_pb.js";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { TesseraError } from "./error.js";
import type { TokenStore, Tokens } from "./token-store.js";

/** Renewing this long before the end keeps a token from running out on its way to the server. */
const MARGIN_MS = 30_000;

/** Exchanges a refresh token for the next pair. */
export type Exchange = (refreshToken: string) => Promise<TokenPair>;

/** The tokens of one user, renewed once for all the calls that need it. */
export class Session {
  /** The exchange under way, which later callers join. */
  #renewal: Promise<Tokens | undefined> | undefined;

  constructor(
    private readonly store: TokenStore,
    private readonly exchange: Exchange,
    private readonly onSignedOut: (error: TesseraError) => void,
  ) {}

  /** Begins the session of a pair that was just handed out. */
  begin(pair: TokenPair): Promise<void> {
    return this.#keep(tokensOf(pair));
  }

  /** Forgets the tokens. */
  end(): Promise<void> {
    return this.#keep(undefined);
  }

  /** Waits for a renewal that is under way: its tokens belong to the session before and must not win. */
  async #keep(tokens: Tokens | undefined): Promise<void> {
    await this.#renewal?.catch(() => undefined);
    await this.#exclusively(async () => this.store.save(tokens));
  }

  /** The refresh token that was kept last; undefined when nobody is signed in. */
  async refreshToken(): Promise<string | undefined> {
    return (await this.store.load())?.refreshToken;
  }

  /** The tokens to call with; undefined when nobody is signed in. */
  async tokens(): Promise<Tokens | undefined> {
    const tokens = await this.store.load();
    return tokens && Date.now() >= tokens.renewAt ? this.replace(tokens) : tokens;
  }

  /**
   * The tokens in the place of stale ones; undefined when there are none. The exchange belongs to no single call: one
   * that is aborted or times out leaves it running, because a refresh token whose answer is thrown away is lost.
   */
  replace(stale: Tokens): Promise<Tokens | undefined> {
    this.#renewal ??= this.#exclusively(() => this.#renewNow(stale)).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  #exclusively<T>(task: () => Promise<T>): Promise<T> {
    return this.store.exclusive ? this.store.exclusive(task) : task();
  }

  async #renewNow(stale: Tokens): Promise<Tokens | undefined> {
    const tokens = await this.store.load();
    // Somebody else renewed them or signed out while this call was waiting. The refresh tokens tell, because access
    // tokens that were made in the same second may be alike.
    if (tokens?.refreshToken !== stale.refreshToken) return tokens;
    let next: Tokens;
    try {
      next = tokensOf(await this.exchange(tokens.refreshToken));
    } catch (thrown) {
      const error = TesseraError.from(thrown);
      // Only the server's word ends a session; after a broken connection the same token may still be good.
      if (error.code === "UNAUTHENTICATED") {
        await this.store.save(undefined);
        this.onSignedOut(error);
      }
      throw error;
    }
    await this.store.save(next);
    return next;
  }
}

/** What is kept of a pair; fails on an answer without tokens. */
function tokensOf(pair: TokenPair): Tokens {
  const { accessToken, refreshToken } = pair;
  return { accessToken, refreshToken, renewAt: Date.now() + lifetimeMs(pair) - MARGIN_MS };
}

/** The token's own lifetime, so that a clock that is wrong on this machine renews neither always nor never. */
function lifetimeMs(pair: TokenPair): number {
  try {
    const payload = (pair.accessToken.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const { iat, exp } = JSON.parse(atob(payload)) as { iat?: unknown; exp?: unknown };
    if (typeof iat === "number" && typeof exp === "number") return (exp - iat) * 1000;
  } catch {
    // No JWT: what the answer says is the next best.
  }
  return pair.accessExpireTime ? timestampMs(pair.accessExpireTime) - Date.now() : 0;
}
