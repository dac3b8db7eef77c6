/** What a session keeps between calls. */
export interface Tokens {
  /** Sent with every call. */
  readonly accessToken: string;
  /** Works once, for the next pair. */
  readonly refreshToken: string;
  /** When the access token should be renewed, in milliseconds of this machine's clock. */
  readonly renewAt: number;
}

/** Where a session keeps its tokens. */
export interface TokenStore {
  load(): Tokens | undefined | Promise<Tokens | undefined>;
  /** Keeps the tokens; undefined: forgets them. */
  save(tokens: Tokens | undefined): void | Promise<void>;
  /**
   * Runs a task while no other holder of the same store runs one. A store that several tabs or processes share needs
   * it: two of them sending one refresh token would end the session.
   */
  exclusive?<T>(task: () => Promise<T>): Promise<T>;
}

/** Keeps tokens as long as the program or page lives; scripts that only see the page's storage cannot read them. */
export function memoryStore(tokens?: Tokens): TokenStore {
  let kept = tokens;
  return {
    load: () => kept,
    save: (next) => {
      kept = next;
    },
  };
}
