// A way to the suite that a test can break.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** Passes bytes on, until it is told to break off. */
export class BreakableWay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #closed = false;
  /** How many connections were made through it. */
  connections = 0;

  private constructor(target: URL) {
    this.#server = createServer((near) => {
      this.connections += 1;
      if (this.#closed) {
        near.destroy();
        return;
      }
      const far = connect(Number(target.port || "80"), target.hostname);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one);
        one.pipe(other);
        one.on("error", () => undefined);
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
  }

  /** Opens a way to the suite at this address. */
  static async to(url: string): Promise<BreakableWay> {
    const way = new BreakableWay(new URL(url));
    way.#server.listen(0, "127.0.0.1");
    await once(way.#server, "listening");
    return way;
  }

  /** What to call in the suite's place. */
  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** How many connections are open. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  /** Kills every connection; new ones are let through. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Kills every connection, and new ones at once, until it is opened again. */
  close(): void {
    this.#closed = true;
    this.cut();
  }

  reopen(): void {
    this.#closed = false;
  }

  async remove(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
