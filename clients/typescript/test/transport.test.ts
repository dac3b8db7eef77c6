// What cannot be brought about on a real suite: races to the instant, and streams, which no contract has yet.
import { create, createFileRegistry } from "@bufbuild/protobuf";
import type { DescMethodServerStreaming } from "@bufbuild/protobuf";
import {
  EmptySchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_empty,
} from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { connect, memoryStore } from "../src/index.js";
import { AccountService } from "../src/gen/domains/crm.js";
import { AuthService } from "../src/gen/domains/identity.js";
import { Session } from "../src/session.js";
import { tesseraTransport } from "../src/transport.js";
import { failure, tokensIn } from "./tenant.js";

const tokens = { accessToken: "access", refreshToken: "refresh", renewAt: Infinity };

describe("a session that begins while the one before is renewed", () => {
  it("is the one that stays", async () => {
    // The old session's new tokens arrive after the login and must not be kept in its place.
    const answers: (() => void)[] = [];
    const transport = createRouterTransport(({ service }) => {
      service(AuthService, {
        login: () => ({ tokens: { accessToken: "new access", refreshToken: "new refresh" } }),
        refreshToken: async () => {
          await new Promise<void>((answer) => answers.push(answer));
          return { tokens: { accessToken: "old access", refreshToken: "old refresh" } };
        },
      });
      service(AccountService, { listAccounts: () => ({}) });
    });
    const store = memoryStore({ ...tokens, renewAt: 0 });
    const tessera = connect({ transport, tokens: store });
    const call = tessera.crm.accounts.listAccounts({});
    const login = tessera.login({ email: "a@b.example", password: "x" });
    await expect.poll(() => answers.length).toBe(1);
    answers[0]?.();
    await Promise.all([call, login]);
    expect((await tokensIn(store)).refreshToken).toBe("new refresh");
  });
});

describe("a renewal that finds no server", () => {
  it("ends no session", async () => {
    // A broken connection says nothing about the token; the next call tries again and succeeds.
    let down = true;
    const transport = createRouterTransport(({ service }) => {
      service(AuthService, {
        refreshToken: () => {
          if (down) throw new ConnectError("down", Code.Unavailable);
          return { tokens: { accessToken: "next access", refreshToken: "next refresh" } };
        },
      });
      service(AccountService, { listAccounts: () => ({}) });
    });
    const store = memoryStore({ ...tokens, renewAt: 0 });
    const tessera = connect({ transport, tokens: store, retries: 0, onSignedOut: () => expect.fail("signed out") });
    expect((await failure(tessera.crm.accounts.listAccounts({}))).code).toBe("UNAVAILABLE");
    expect((await tokensIn(store)).refreshToken).toBe("refresh");
    down = false;
    await tessera.crm.accounts.listAccounts({});
    expect((await tokensIn(store)).refreshToken).toBe("next refresh");
  });
});

describe("a stream", () => {
  it("carries the token and fails typed", async () => {
    // Its messages come through as they are, and an error after some of them is a TesseraError, too.
    const method = streamingMethod();
    const inner = createRouterTransport((router) => {
      // eslint-disable-next-line @typescript-eslint/require-await -- a handler of a stream is an async generator
      router.rpc(method, async function* (_: unknown, context: HandlerContext) {
        expect(context.requestHeader.get("authorization")).toBe("Bearer access");
        yield create(EmptySchema);
        throw new ConnectError("no more", Code.Aborted);
      });
    });
    const session = new Session(
      memoryStore(tokens),
      () => expect.fail("renewed"),
      () => expect.fail("signed out"),
    );
    const transport = tesseraTransport(inner, { session, retries: 0, timeoutMs: 1000 });
    async function* input() {
      yield await Promise.resolve(create(EmptySchema));
    }
    const { message } = await transport.stream(method, undefined, undefined, undefined, input());
    const messages = message[Symbol.asyncIterator]();
    expect((await messages.next()).value).toEqual(create(EmptySchema));
    const error = await failure(messages.next());
    expect([error.code, error.message]).toEqual(["ABORTED", "no more"]);
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

/** A method of the shape that a later contract may have. */
function streamingMethod(): DescMethodServerStreaming<typeof EmptySchema, typeof EmptySchema> {
  const empty = ".google.protobuf.Empty";
  const watch = { name: "Watch", inputType: empty, outputType: empty, serverStreaming: true };
  const proto = create(FileDescriptorProtoSchema, {
    name: "watch.proto",
    syntax: "proto3",
    dependency: ["google/protobuf/empty.proto"],
    service: [{ name: "WatchService", method: [watch] }],
  });
  const file = [file_google_protobuf_empty.proto, proto];
  const service = createFileRegistry(create(FileDescriptorSetSchema, { file })).getService("WatchService");
  return service?.method["watch"] as unknown as ReturnType<typeof streamingMethod>;
}
