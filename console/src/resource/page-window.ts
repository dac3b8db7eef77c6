// A list of any length, of which only the pages around the reader are kept. Pages are fetched by token, so the way down
// is one after the other; the tokens stay, so the way back up is direct.

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextToken: string;
}

export type FetchPage<Row> = (token: string, signal: AbortSignal) => Promise<Page<Row>>;

/** How many pages around the reader are kept. */
const KEPT_AROUND = 6;

/** What is remembered of a page, also when its rows are not kept. */
interface Known {
  /** How many rows it had when it was last fetched. */
  readonly size: number;
  /** Its last row. The token behind it is another one at every fetch, so that only the row tells whether it has moved. */
  readonly end: string | undefined;
  readonly nextToken: string;
}

export class PageWindow<Row> {
  /** All pages that were ever reached, in order. */
  #known: Known[] = [];
  readonly #rows = new Map<number, readonly Row[]>();
  readonly #running = new Map<number, AbortController>();
  #generation = 0;
  #version = 0;
  #center = 0;
  #error: unknown;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly fetchPage: FetchPage<Row>,
    private readonly pageSize: number,
    private readonly idOf: (row: Row) => string,
  ) {}

  /** How many rows are known to be there. */
  get known(): number {
    return this.#known.reduce((sum, { size }) => sum + size, 0);
  }

  /** True when the last page was reached. */
  get complete(): boolean {
    return this.#known.at(-1)?.nextToken === "";
  }

  /** True when all rows are in memory, so that their number is certain. */
  get whole(): boolean {
    return this.complete && this.held === this.known;
  }

  /** Rows to make room for: those known, and some more while there are more. */
  get extent(): number {
    return this.complete ? this.known : this.known + this.pageSize;
  }

  /** True until the first page is there. */
  get starting(): boolean {
    return this.#known.length === 0;
  }

  get error(): unknown {
    return this.#error;
  }

  /** How many rows are in memory; tests hold it against a bound. */
  get held(): number {
    return [...this.#rows.values()].reduce((sum, rows) => sum + rows.length, 0);
  }

  /** The row at a place; undefined while it is on its way. */
  at(index: number): Row | undefined {
    const [page, first] = this.#pageOf(index);
    return this.#rows.get(page)?.[index - first];
  }

  /** The rows in memory, in order. */
  *loaded(): Generator<Row> {
    for (const page of [...this.#rows.keys()].sort((a, b) => a - b)) yield* this.#rows.get(page) ?? [];
  }

  /** Says which rows are looked at, so that they and those beside them are fetched. */
  show(firstIndex: number, lastIndex: number): void {
    const [first] = this.#pageOf(Math.max(0, firstIndex));
    const [last] = this.#pageOf(Math.max(0, lastIndex));
    this.#center = Math.floor((first + last) / 2);
    for (let page = Math.max(0, first - 1); page <= last + 1; page++) this.#want(page);
    this.#evict();
  }

  /** Fetches anew what is shown, each page from where the one before ends now, because rows may have come and gone. */
  async refresh(): Promise<void> {
    const shown = [...this.#rows.keys()].sort((a, b) => a - b);
    const [first = 0] = shown;
    const generation = ++this.#generation;
    this.#running.forEach((one) => one.abort());
    this.#running.clear();
    for (let page = first; page <= (shown.at(-1) ?? first); page++) {
      const fetched = await this.#fetch(page, generation, true);
      if (!fetched || generation !== this.#generation) return;
      if (fetched.nextToken === "") break;
    }
    this.#changed();
  }

  /** Tries again after a failure. */
  retry(): void {
    this.#error = undefined;
    this.show(this.#center * this.pageSize, this.#center * this.pageSize);
    this.#changed();
  }

  close(): void {
    this.#generation++;
    this.#running.forEach((one) => one.abort());
    this.#running.clear();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly version = (): number => this.#version;

  #want(page: number): void {
    if (this.#rows.has(page) || this.#running.has(page) || this.#error !== undefined) return;
    if (page > this.#known.length || (page === this.#known.length && this.complete)) return;
    void this.#fetch(page, this.#generation);
  }

  /** `all`: the pages behind are fetched anew in any case. */
  async #fetch(page: number, generation: number, all = false): Promise<Page<Row> | undefined> {
    const abort = new AbortController();
    this.#running.set(page, abort);
    try {
      // The token of a page stands on the page before it.
      const token = this.#known[page - 1]?.nextToken ?? "";
      const fetched = await this.fetchPage(token, abort.signal);
      if (generation !== this.#generation || abort.signal.aborted) return undefined;
      const { rows, nextToken } = fetched;
      const before = this.#known[page];
      const last = rows.at(-1);
      const end = last === undefined ? undefined : this.idOf(last);
      this.#rows.set(page, rows);
      this.#known[page] = { size: rows.length, end, nextToken };
      if (nextToken === "") this.#end(page);
      else if (before && before.end !== end && !all) this.#forget(page + 1);
      this.#error = undefined;
      return fetched;
    } catch (error) {
      if (generation === this.#generation && !abort.signal.aborted) this.#error = error;
      return undefined;
    } finally {
      if (this.#running.get(page) === abort) this.#running.delete(page);
      if (generation === this.#generation) this.#changed();
    }
  }

  /** Nothing is behind the last page. */
  #end(page: number): void {
    this.#known.length = page + 1;
    for (const one of this.#rows.keys()) if (one > page) this.#rows.delete(one);
  }

  /** The page begins elsewhere now: its place stays, and its rows are fetched anew when they are looked at. */
  #forget(page: number): void {
    this.#running.get(page)?.abort();
    this.#running.delete(page);
    this.#rows.delete(page);
  }

  #pageOf(index: number): [page: number, first: number] {
    let first = 0;
    for (let page = 0; page < this.#known.length; page++) {
      const size = this.#known[page]?.size ?? 0;
      if (index < first + size) return [page, first];
      first += size;
    }
    return [this.#known.length, first];
  }

  #evict(): void {
    for (const page of this.#rows.keys()) {
      if (Math.abs(page - this.#center) > KEPT_AROUND) this.#rows.delete(page);
    }
  }

  #changed(): void {
    this.#version++;
    this.#listeners.forEach((listener) => listener());
  }
}
